#include "remote/ssh_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/files.h"
#include "base/hmac.h"
#include "base/subprocess.h"

namespace freshet::remote {
namespace {

constexpr std::string_view kSafeInShell =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%";
/// sun_path takes 107 bytes, of which ssh adds 17 while it makes the socket.
constexpr std::size_t kLongestSocket = 90;

/// A value of ssh's configuration: "%" would name something of the connection, blanks would end it.
std::string option(std::string_view name, std::string_view value) {
  std::string text(name);
  text += "=\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      text += '\\';
    } else if (c == '%') {
      text += '%';
    }
    text += c;
  }
  return text + "\"";
}

/// One name for all that may share a connection. ssh's own %C knows nothing of keys: a deploy key
/// would borrow the rights of another one.
std::string socket_path(const UpstreamUrl& url, const SshLogin& login,
                        const std::string& control_directory) {
  std::string identity;
  for (const std::string& part :
       {url.user(), url.host(), url.port(), login.key_file, login.known_hosts_file}) {
    identity += part + '\0';
  }
  return control_directory + "/" + to_hex(sha256(identity)).substr(0, 16);
}

}  // namespace

Result<std::string> make_control_directory(const std::string& state_dir) {
  const std::string path = state_dir + "/ssh";
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(system_error(errno, "cannot create " + path));
  }
  const UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) {
    return fail(system_error(errno, "cannot use " + path + " for shared ssh connections"));
  }
  struct stat status {};
  if (::fstat(directory.get(), &status) != 0 || status.st_uid != ::geteuid()) {
    return fail(ErrorClass::config, path + " belongs to another user");
  }
  if (::fchmod(directory.get(), 0700) != 0) {
    return fail(system_error(errno, "cannot keep others out of " + path));
  }
  return path;
}

std::vector<std::string> ssh_arguments(const UpstreamUrl& url, const SshLogin& login,
                                       const std::string& control_directory) {
  std::vector<std::string> words = guarded_ssh();
  const auto add = [&](std::string text) {
    words.emplace_back("-o");
    words.push_back(std::move(text));
  };
  if (!login.key_file.empty()) {
    add("IdentitiesOnly=yes");
    add(option("IdentityFile", login.key_file));
  }
  if (!login.known_hosts_file.empty()) {
    add(option("UserKnownHostsFile", login.known_hosts_file));
    add("GlobalKnownHostsFile=/dev/null");
    add("UpdateHostKeys=no");  // the file is the operator's
  }
  const std::string socket = socket_path(url, login, control_directory);
  if (!control_directory.empty() && socket.size() <= kLongestSocket) {
    add("ControlMaster=auto");
    add("ControlPersist=60");
    add(option("ControlPath", socket));
  } else {
    add("ControlPath=none");
  }
  return words;
}

std::string shell_line(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    line += line.empty() ? "" : " ";
    if (!word.empty() && word.find_first_not_of(kSafeInShell) == std::string::npos) {
      line += word;
      continue;
    }
    line += '\'';
    for (const char c : word) {
      line += c == '\'' ? "'\\''" : std::string(1, c);
    }
    line += '\'';
  }
  return line;
}

void end_shared_connections(const std::string& control_directory,
                            const GitEnvironment& environment) {
  const auto names = list_directory(control_directory);
  if (!names) {
    return;
  }
  for (const std::string& name : *names) {
    ChildSpec spec;
    spec.arguments = {"ssh",
                      "-F",
                      "/dev/null",
                      "-o",
                      option("ControlPath", fmt::format("{}/{}", control_directory, name)),
                      "-O",
                      "exit",
                      "shared"};
    spec.environment = environment.variables();
    spec.time_limit = std::chrono::seconds(5);
    // A socket that nobody listens at any more is no loss.
    static_cast<void>(run_child(spec, CancelToken()));
  }
}

}  // namespace freshet::remote
