#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/git_environment.h"
#include "base/subprocess.h"
#include "model/ids.h"

/// Real git repositories for tests, made by the git program, untouched by anybody's configuration.
namespace freshet::testing {

/// The value, or an exception that fails the test with the error's own words.
template <class T>
T must(Result<T> result) {
  if (!result) {
    throw std::runtime_error(std::string(to_string(result.error().error_class)) + ": " +
                             result.error().message);
  }
  if constexpr (!std::is_void_v<T>) {
    return std::move(*result);
  }
}

/// A directory that goes away with its owner.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = "/tmp/freshet-test-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) {
      throw std::runtime_error("cannot make a temporary directory");
    }
    path_ = pattern;
    ::chmod(path_.c_str(), 0755);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { static_cast<void>(remove_tree(path_)); }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::vector<std::string> git_test_environment() {
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
  return {std::string("PATH=") + (path != nullptr ? path : "/usr/bin:/bin"),
          "LC_ALL=C",
          "HOME=/nonexistent",
          "GIT_CONFIG_NOSYSTEM=1",
          "GIT_CONFIG_GLOBAL=/dev/null",
          "GIT_AUTHOR_NAME=Ann",
          "GIT_AUTHOR_EMAIL=ann@example.org",
          "GIT_AUTHOR_DATE=1700000000 +0000",
          "GIT_COMMITTER_NAME=Ann",
          "GIT_COMMITTER_EMAIL=ann@example.org",
          "GIT_COMMITTER_DATE=1700000000 +0000"};
}

/// Runs any program to its end.
inline ChildResult run(std::vector<std::string> arguments, std::string input = "") {
  ChildSpec spec;
  spec.arguments = std::move(arguments);
  spec.environment = git_test_environment();
  spec.input = std::move(input);
  return must(run_child(spec, CancelToken()));
}

/// `git -C directory ...`; its output without the last line end. Throws when git fails.
inline std::string git(const std::string& directory, std::vector<std::string> arguments,
                       std::string input = "") {
  // The owner of a directory does not matter here, nor whether it is a repository's own.
  arguments.insert(arguments.begin(), {"git", "-c", "safe.directory=*", "-C", directory});
  ChildResult result = run(std::move(arguments), std::move(input));
  if (!result.succeeded()) {
    throw std::runtime_error("git failed: " + result.error_text);
  }
  while (result.output.ends_with('\n')) {
    result.output.pop_back();
  }
  return result.output;
}

/// A repository with a working tree to commit in; its branch is "main".
class GitRepository {
 public:
  explicit GitRepository(std::string path) : path_(std::move(path)) {
    must(make_directories(path_));
    git({"init", "-q", "-b", "main"});
  }

  const std::string& path() const { return path_; }
  std::string git(std::vector<std::string> arguments, std::string input = "") const {
    return testing::git(path_, std::move(arguments), std::move(input));
  }

  /// Writes the files, commits everything and answers the new commit.
  ObjectId commit(const std::map<std::string, std::string>& files,
                  const std::string& message = "change") const {
    for (const auto& [name, content] : files) {
      const std::string file = path_ + "/" + name;
      must(make_directories(parent_path(file)));
      must(write_file_atomically(file, content));
    }
    git({"add", "-A"});
    git({"commit", "-q", "--allow-empty", "-m", message});
    return id("HEAD");
  }

  /// The object that a revision names.
  ObjectId id(const std::string& revision) const {
    return ObjectId::parse(git({"rev-parse", "--verify", revision})).value();
  }

 private:
  std::string path_;
};

}  // namespace freshet::testing
