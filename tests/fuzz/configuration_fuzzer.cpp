// A configuration file, behind some lines with secrets where people put them by mistake.
//
// - There are settings exactly when nothing is an error, and then they are what the daemon relies
// on.
// - Each problem has its place inside the file, in the file's order; it is told in one line without
// control characters, and so is its excerpt.
// - No message and no excerpt shows a secret.
// - A comment above moves the places and changes nothing else.

#include <algorithm>
#include <regex>
#include <set>

#include "base/visible.h"
#include "config/load.h"
#include "fuzzing.h"
#include "model/ids.h"

namespace freshet::fuzz {
namespace {

using config::Diagnostic;
using config::Loaded;
using config::Severity;

constexpr std::string_view kFile = "freshet.toml";
constexpr std::string_view kSecret = "s3cr3t-w0rd";
constexpr std::string_view kMistakes = R"(
[webhook]
secret_files = ["s3cr3t-w0rd", "/etc/freshet/secret"]
secret = "s3cr3t-w0rd"
[[credential]]
match = "https://me:s3cr3t-w0rd@git.example.com/*"
token = "s3cr3t-w0rd"
token_file = "s3cr3t-w0rd"
username = "me"
password_file = { text = "s3cr3t-w0rd" }
[[repository]]
url = "https://me:s3cr3t-w0rd@git.example.com/acme/docs.git"
path = "/srv/docs"
webhook_secret_files = "s3cr3t-w0rd"
)";
constexpr std::size_t kWidest = 400;  ///< bytes of an excerpt of 160 columns

std::vector<std::size_t> line_sizes(std::string_view text) {
  std::vector<std::size_t> sizes;
  for (;;) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    sizes.push_back(end);
    if (end == text.size()) {
      return sizes;
    }
    text.remove_prefix(end + 1);
  }
}

void check_problem(const Diagnostic& problem, const std::vector<std::size_t>& lines) {
  require(problem.file == kFile, "a problem names its file");
  require(!problem.message.empty(), "a problem is told");
  const std::string text = to_text(problem);
  require(
      std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }),
      "a problem is told in one line without control characters");
  require(problem.line <= lines.size(), "a problem lies in a line of the file");
  require((problem.line == 0) == (problem.column == 0), "a place has a line and a column");
  if (problem.line > 0) {
    const std::size_t size = lines[problem.line - 1];
    require(problem.column <= size + 1, "a problem lies in its line, or at the end of it");
    require(problem.length <= size + 1, "a problem is no longer than its line");
  }
  const config::Excerpt& excerpt = problem.excerpt;
  require(visible(excerpt.line) == excerpt.line, "an excerpt holds nothing that moves a cursor");
  require(excerpt.line.size() <= kWidest && excerpt.before <= 200 && excerpt.marked <= 200,
          "an excerpt fits a wide terminal");
  require(excerpt.line.empty() || excerpt.marked > 0, "an excerpt marks something");
}

void check_settings(const config::Settings& settings) {
  std::set<std::string> names;
  std::set<std::string> paths;
  require(settings.state_dir.starts_with('/'), "the state directory is absolute");
  for (const config::Repository& repository : settings.repositories) {
    require(!repository.name.empty() && names.insert(repository.name.text()).second,
            "each repository has a name of its own");
    require(UpstreamUrl::parse(repository.url.text()).has_value(), "it has an upstream");
    require(repository.mirror || !repository.checkouts.empty(), "it is for something");
    require(repository.timeout.count() > 0 && repository.first_timeout.count() > 0,
            "it has a limit in time");
    for (const std::string& ref : repository.refs) {
      const bool open = ref.ends_with('*');
      require(is_valid_ref(open ? ref.substr(0, ref.size() - 1) + "x" : ref), "its refs are refs");
    }
    for (const config::Checkout& checkout : repository.checkouts) {
      const std::string padded = checkout.path + "/";
      require(padded.starts_with('/') && padded.find("/../") == std::string::npos &&
                  padded.find('\0') == std::string::npos,
              "a checkout's path is absolute and leads nowhere else");
      require(paths.insert(checkout.path).second, "each checkout has a path of its own");
    }
    for (const config::Gate& gate : repository.gates) {
      require(!gate.run.empty() && !gate.run[0].empty(), "a gate is a command");
    }
    for (const config::OnUpdate& action : repository.on_update) {
      require(action.run.empty() != action.post.empty(), "an action runs or posts");
    }
  }
}

Loaded load(std::string_view text) {
  Loaded loaded = config::load_text(text, std::string(kFile));
  const auto& problems = loaded.diagnostics;
  const bool failed = std::any_of(problems.begin(), problems.end(), [](const Diagnostic& problem) {
    return problem.severity == Severity::error;
  });
  require(loaded.settings.has_value() != failed, "there are settings exactly without an error");
  require(std::is_sorted(problems.begin(), problems.end(),
                         [](const Diagnostic& a, const Diagnostic& b) {
                           return std::pair(a.line, a.column) < std::pair(b.line, b.column);
                         }),
          "problems are told in the file's order");
  const std::vector<std::size_t> lines = line_sizes(text);
  for (const Diagnostic& problem : problems) {
    check_problem(problem, lines);
  }
  return loaded;
}

/// A message that names other lines, as it has to be when these are one further down.
std::string one_line_down(const std::string& message) {
  static const std::regex kLine("line ([0-9]{1,9})");
  std::string result;
  auto rest = message.cbegin();
  for (std::sregex_iterator found(message.begin(), message.end(), kLine), end; found != end;
       ++found) {
    result.append(rest, (*found)[1].first);
    result += std::to_string(std::stoul((*found)[1]) + 1);
    rest = (*found)[1].second;
  }
  return result.append(rest, message.cend());
}

void check_same(const Loaded& plain, const Loaded& moved) {
  require(plain.diagnostics.size() == moved.diagnostics.size(), "a comment changes nothing");
  for (std::size_t i = 0; i < plain.diagnostics.size(); ++i) {
    const Diagnostic& here = plain.diagnostics[i];
    const Diagnostic& there = moved.diagnostics[i];
    require((here.message == there.message || one_line_down(here.message) == there.message) &&
                here.key == there.key && here.column == there.column &&
                here.excerpt.line == there.excerpt.line,
            "the same problems are found");
    require(there.line == (here.line == 0 ? 0 : here.line + 1), "a line further down");
  }
}

void check_secrets(const std::string& text) {
  for (const Diagnostic& problem : load(text).diagnostics) {
    require(problem.message.find(kSecret) == std::string::npos &&
                problem.key.find(kSecret) == std::string::npos,
            "no message shows a secret");
    require(problem.excerpt.line.find(kSecret) == std::string::npos, "no excerpt shows a secret");
  }
}

}  // namespace
}  // namespace freshet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet::fuzz;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const Loaded plain = load(text);
  if (plain.settings) {
    check_settings(*plain.settings);
  }
  if (!text.starts_with("\xef\xbb\xbf")) {
    check_same(plain, load("#\n" + text));
  }
  if (text.find(kSecret) == std::string::npos) {
    check_secrets(std::string(kMistakes) + text);
  }
  return 0;
}
