#include "base/git_environment.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/files.h"

namespace freshet {
namespace {

/// Read by every git child and by what it starts in turn (`git upload-pack` of a local upstream).
/// safe.directory: the operator named the path, whoever owns it. Nothing here may run a program.
constexpr std::string_view kConfiguration =
    "# Written by freshet; changes are lost.\n"
    "[safe]\n\tdirectory = *\n"
    "[core]\n\thooksPath = /dev/null\n\tfsmonitor = false\n\taskPass =\n"
    "[credential]\n\thelper =\n"
    "[maintenance]\n\tauto = false\n"
    "[fetch]\n\tunpackLimit = 1\n\twriteCommitGraph = false\n\trecurseSubmodules = false\n"
    "[submodule]\n\trecurse = false\n"
    "[http]\n\tfollowRedirects = initial\n"
    "[protocol]\n\tversion = 2\n"
    "[uploadpack]\n\tallowAnySHA1InWant = true\n\tallowFilter = false\n"
    "[advice]\n\tdetachedHead = false\n";

constexpr std::array kPassedThrough{
    "HOME",           "http_proxy",     "https_proxy",    "HTTPS_PROXY",   "all_proxy",
    "ALL_PROXY",      "no_proxy",       "NO_PROXY",       "SSL_CERT_FILE", "SSL_CERT_DIR",
    "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "CURL_CA_BUNDLE", "SSH_AUTH_SOCK", "TMPDIR"};

std::string_view name_of(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : " ") + word;
  }
  return text;
}

}  // namespace

const std::vector<std::string>& guarded_ssh() {
  // GIT_SSH_COMMAND takes them as they are: no word needs quotes.
  static const std::vector<std::string> kWords{"ssh",
                                               "-o",
                                               "BatchMode=yes",
                                               "-o",
                                               "StrictHostKeyChecking=yes",
                                               "-o",
                                               "ConnectTimeout=20",
                                               "-o",
                                               "ServerAliveInterval=15",
                                               "-o",
                                               "ServerAliveCountMax=3",
                                               "-o",
                                               "ForwardAgent=no",
                                               "-o",
                                               "ForwardX11=no",
                                               "-o",
                                               "ClearAllForwardings=yes",
                                               "-o",
                                               "PermitLocalCommand=no"};
  return kWords;
}

Result<GitEnvironment> GitEnvironment::prepare(const std::string& state_dir) {
  const std::string file = state_dir + "/git.config";
  FRESHET_CHECK(write_file_atomically(file, kConfiguration));
  const char* path = ::secure_getenv("PATH");
  std::vector<std::string> variables{
      std::string("PATH=") + (path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin"),
      "LC_ALL=C",
      "GIT_CONFIG_NOSYSTEM=1",
      "GIT_CONFIG_GLOBAL=" + file,
      "GIT_ATTR_NOSYSTEM=1",
      "GIT_TERMINAL_PROMPT=0",
      "GIT_ASKPASS=true",
      "SSH_ASKPASS=true",
      "GIT_PAGER=cat",
      "GIT_OPTIONAL_LOCKS=0",
      "GIT_ALLOW_PROTOCOL=file:git:http:https:ssh",
      "GIT_SSH_COMMAND=" + joined(guarded_ssh()),
  };
  for (const char* name : kPassedThrough) {
    if (const char* value = ::secure_getenv(name); value != nullptr) {
      variables.push_back(std::string(name) + "=" + value);
    }
  }
  return GitEnvironment(file, std::move(variables));
}

Result<void> GitEnvironment::restore() const {
  const auto content = read_file(file_);
  return content && *content == kConfiguration ? Result<void>()
                                               : write_file_atomically(file_, kConfiguration);
}

std::vector<std::string> GitEnvironment::variables_with(
    const std::vector<std::string>& others) const {
  std::vector<std::string> result;
  for (const std::string& variable : variables_) {
    const bool replaced = std::any_of(others.begin(), others.end(), [&](const std::string& other) {
      return name_of(other) == name_of(variable);
    });
    if (!replaced) {
      result.push_back(variable);
    }
  }
  result.insert(result.end(), others.begin(), others.end());
  return result;
}

}  // namespace freshet
