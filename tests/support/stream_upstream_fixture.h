#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "remote/stream_upstream.h"
#include "support/git_fixture.h"

/// A StreamUpstream between a repository and a mirror.
namespace freshet::testing {

using remote::StreamUpstream;
using remote::TimeLimits;

inline const RefName kMain("refs/heads/main");
/// Long enough for a loaded machine, and far from every limit that a test sets.
constexpr TimeLimits kPatient{std::chrono::seconds(60), std::chrono::seconds(30)};

template <class T>
std::string class_of(const Result<T>& result) {
  return result ? "fine" : std::string(to_string(result.error().error_class));
}

template <class T>
std::string message_of(const Result<T>& result) {
  return result ? "fine" : result.error().message;
}

/// What a URL needs of blanks and quotes.
inline std::string in_url(const std::string& path) {
  std::string text;
  for (const char c : path) {
    text += c == ' ' ? "%20" : c == '#' ? "%23" : c == '"' ? "%22" : std::string(1, c);
  }
  return text;
}

class StreamUpstreamTest : public ::testing::Test {
 protected:
  StreamUpstreamTest() {
    ::signal(SIGPIPE, SIG_IGN);  // as every command of the program has it
    git(directory_.path(), {"init", "-q", "--bare", "-b", "main", mirror_});
    must(make_directories(directory_ / "bin"));
    ::setenv("PATH", (directory_ / "bin:" + path_).c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    environment_ = must(GitEnvironment::prepare(directory_.path()));
  }
  ~StreamUpstreamTest() override {
    ::setenv("PATH", path_.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  }

  /// From now on `ssh` is this script. $command: what is to be run at the other side.
  void replace_ssh(const std::string& script) const {
    must(write_file_atomically(
        directory_ / "bin/ssh",
        "#!/bin/sh\nfor command; do :; done\necho $$ >>" + pids() + "\n" + script + "\n", 0755));
  }
  /// Of the processes that were `ssh`, in their order.
  std::vector<pid_t> ssh_processes() const {
    std::vector<pid_t> found;
    const std::string text = read_file(pids()).value_or("");
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
      found.push_back(static_cast<pid_t>(std::stol(text.substr(at))));
    }
    return found;
  }
  std::string over_ssh() const { return "ssh://somewhere" + in_url(origin_.path()); }

  std::unique_ptr<StreamUpstream> at(const std::string& url,
                                     remote::GitProgram::SignIn sign_in = {}) const {
    const UpstreamUrl parsed = must(UpstreamUrl::parse(url));
    return std::make_unique<StreamUpstream>(
        parsed, environment_, sign_in, memory_,
        std::make_unique<remote::GitProgram>(parsed, environment_, sign_in));
  }
  static Result<remote::Advertisement> list(StreamUpstream& upstream,
                                            const TimeLimits& limits = kPatient) {
    return upstream.list_refs({{"HEAD"}, {"refs/heads/*"}}, limits, CancelToken());
  }
  remote::FetchRequest want(const std::vector<ObjectId>& ids) const {
    remote::FetchRequest request;
    request.mirror = mirror_;
    request.limits = kPatient;
    for (const ObjectId& id : ids) {
      request.wants.push_back({kMain, id});
    }
    return request;
  }
  static Result<remote::FetchReport> fetch(StreamUpstream& upstream,
                                           const remote::FetchRequest& request) {
    return upstream.fetch(request, CancelToken());
  }

  bool mirror_has(const ObjectId& id) const {
    return run({"git", "--git-dir=" + mirror_, "cat-file", "-e", id.hex()}).succeeded();
  }
  std::vector<std::string> unfinished() const {
    std::vector<std::string> names = must(list_directory(mirror_ + "/objects/pack"));
    std::erase_if(names, [](const std::string& name) { return name.starts_with("pack-"); });
    return names;
  }

  TemporaryDirectory directory_;
  const std::string path_ = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
  GitRepository origin_{directory_ / "root/it's \"one\" ; touch proof #"};
  std::string mirror_ = directory_ / "mirror.git";
  GitEnvironment environment_ = must(GitEnvironment::prepare(directory_.path()));
  std::shared_ptr<remote::RemoteMemory> memory_ = std::make_shared<remote::RemoteMemory>();

 private:
  std::string pids() const { return directory_ / "ssh.pids"; }
};

}  // namespace freshet::testing
