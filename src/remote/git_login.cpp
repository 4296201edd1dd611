#include "remote/git_login.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>

#include "base/files.h"
#include "remote/ssh_command.h"

namespace freshet::remote {
namespace {

using Transport = UpstreamUrl::Transport;

/// Memory that only holders of the descriptor can read. Unlike a pipe it can be read again: git
/// asks once for each connection that it opens anew.
Result<UniqueFd> in_memory(const Secret& content) {
  UniqueFd memory(::memfd_create("credential", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory) {
    return fail(system_error(errno, "cannot hand a credential to git"));
  }
  FRESHET_CHECK(write_all(memory.get(), content.reveal(), "the credential for git"));
  if (::fcntl(memory.get(), F_ADD_SEALS,
              F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
    return fail(system_error(errno, "cannot hand a credential to git"));
  }
  return memory;
}

std::string origin_of(const UpstreamUrl& url) {
  const std::string scheme = url.transport() == Transport::https ? "https://" : "http://";
  return scheme + url.host_key();
}

}  // namespace

Result<GitLogin> GitLogin::over_http(const UpstreamUrl& url, std::optional<HttpLogin> login,
                                     const std::string& ca_file) {
  GitLogin result;
  if (!ca_file.empty()) {
    result.variables_.push_back("GIT_SSL_CAINFO=" + ca_file);
  }
  if (!login) {
    return result;
  }
  FRESHET_TRY(result.secret_, in_memory(Secret("username=" + login->username + "\npassword=" +
                                               std::string(login->password.reveal()) + "\n")));
  // By this name, because dash knows no "<&10", and because that begins at the first byte again.
  const std::string file = "/proc/self/fd/" + std::to_string(result.secret_.get());
  result.variables_.insert(
      result.variables_.end(),
      {"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=credential." + origin_of(url) + ".helper",
       "GIT_CONFIG_VALUE_0=!f() { test \"$1\" != get || cat " + file + "; }; f"});
  result.http_login_ = std::move(login);
  return result;
}

GitLogin GitLogin::over_ssh(const UpstreamUrl& url, const SshLogin& login,
                            const std::string& control_directory) {
  GitLogin result;
  result.variables_ = {
      "GIT_SSH_COMMAND=" + shell_line(ssh_arguments(url, login, control_directory)),
      "GIT_SSH_VARIANT=ssh"};
  return result;
}

Result<GitLogin> GitLogin::find(Credentials& credentials, const UpstreamUrl& url,
                                const std::string& control_directory, const CancelToken& cancel) {
  switch (url.transport()) {
    case Transport::https:
    case Transport::http: {
      FRESHET_TRY(auto login, credentials.http_login(url, cancel));
      return over_http(url, std::move(login), credentials.ca_file(url));
    }
    case Transport::ssh:
      return over_ssh(url, credentials.ssh_login(url), control_directory);
    case Transport::git:
    case Transport::file:
      break;
  }
  return GitLogin();
}

void GitLogin::give_to(ChildSpec& child, const GitEnvironment& environment) const {
  child.environment = environment.variables_with(variables_);
  if (secret_) {
    child.descriptors.push_back(secret_.get());
  }
}

}  // namespace freshet::remote
