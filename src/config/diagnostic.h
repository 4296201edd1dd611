#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace freshet::config {

/// A place in a configuration file, counted from 1; columns are characters. Line 0: the file as a
/// whole.
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::uint32_t length = 0;  ///< in characters; 0: unknown, or it goes beyond the line
  auto operator<=>(const Position&) const = default;
};

enum class Severity { error, warning };

/// The line of a problem as people may see it: without what could be a secret, with control
/// characters by their numbers and blanks for tabs, and no longer than a wide terminal.
struct Excerpt {
  std::string line;        ///< empty: nothing can be shown
  std::size_t before = 0;  ///< columns in front of the mistake
  std::size_t marked = 0;  ///< columns of the mistake, at least 1
};

/// One thing that is wrong, or has no effect, in a configuration file.
struct Diagnostic {
  Severity severity = Severity::error;
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string key;      ///< with its section, "repository.interval"; empty: the file as a whole
  std::string message;  ///< says what is allowed; never repeats a value that could be a secret
  std::uint32_t length = 0;  ///< as of Position
  Excerpt excerpt = {};
};

/// "FILE:LINE:COLUMN: error: KEY: MESSAGE" in one line, without the parts that are not known.
/// Control characters are written as escapes.
std::string to_text(const Diagnostic& diagnostic);

/// Collects what is wrong with one file, so that everything is reported at once.
class Problems {
 public:
  explicit Problems(std::string file) : file_(std::move(file)) {}

  void error(Position at, std::string key, std::string message) {
    add(Severity::error, at, std::move(key), std::move(message));
  }
  void warning(Position at, std::string key, std::string message) {
    add(Severity::warning, at, std::move(key), std::move(message));
  }
  bool has_errors() const { return has_errors_; }
  /// In the order of the file.
  std::vector<Diagnostic> take();

 private:
  void add(Severity severity, Position at, std::string key, std::string message);

  const std::string file_;
  std::vector<Diagnostic> found_;
  bool has_errors_ = false;
};

/// Problems as one setting sees them: its key is filled in.
class Report {
 public:
  Report(Problems& problems, std::string key) : problems_(&problems), key_(std::move(key)) {}

  void error(Position at, std::string message) const {
    problems_->error(at, key_, std::move(message));
  }
  void warning(Position at, std::string message) const {
    problems_->warning(at, key_, std::move(message));
  }
  /// The same for a key below this one: "server" and "listen" become "server.listen".
  Report below(std::string_view key) const;
  const std::string& key() const { return key_; }

 private:
  Problems* problems_;
  std::string key_;
};

}  // namespace freshet::config
