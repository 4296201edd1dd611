#include "remote/stream_connect.h"

#include "remote/child_stream.h"
#include "remote/git_address.h"
#include "remote/socket_stream.h"
#include "remote/ssh_command.h"

namespace freshet::remote {
namespace {

using Transport = UpstreamUrl::Transport;

constexpr std::string_view kDaemonPort = "9418";
constexpr std::string_view kVersion2 = "GIT_PROTOCOL=version=2";

Result<std::unique_ptr<Duplex>> over_ssh(const UpstreamUrl& url, const GitAddress& address,
                                         const GitEnvironment& environment,
                                         const GitProgram::SignIn& sign_in) {
  const SshLogin login =
      sign_in.credentials != nullptr ? sign_in.credentials->ssh_login(url) : SshLogin();
  PipedChild::Spec child;
  child.arguments = ssh_arguments(url, login, sign_in.control_directory);
  child.arguments.insert(child.arguments.end(), {"-o", "SendEnv=GIT_PROTOCOL"});
  const std::vector<std::string> destination = ssh_destination(address);
  child.arguments.insert(child.arguments.end(), destination.begin(), destination.end());
  child.environment = environment.variables_with({std::string(kVersion2)});
  auto stream = ChildStream::start(child);
  if (!stream && stream.error().error_class == ErrorClass::config) {
    return fail(ErrorClass::config, stream.error().message + "; install an ssh client");
  }
  return stream;
}

Result<std::unique_ptr<Duplex>> to_local(const GitAddress& address,
                                         const GitEnvironment& environment) {
  PipedChild::Spec child;
  child.arguments = {"git",
                     // Maps of packs count as memory that is asked for.
                     "-c", "core.packedGitWindowSize=64m", "-c", "core.packedGitLimit=1g",
                     "upload-pack", address.path};
  // A partial clone as upstream would otherwise fetch what it lacks from where its own
  // configuration says.
  child.environment = environment.variables_with(
      {std::string(kVersion2), "GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL="});
  child.memory_limit = git_memory_limit();
  return ChildStream::start(child);
}

Result<std::unique_ptr<Duplex>> to_daemon(const GitAddress& address, const Patience& patience) {
  FRESHET_TRY(
      auto stream,
      SocketStream::connect(
          address.host, address.port.empty() ? std::string(kDaemonPort) : address.port, patience));
  FRESHET_CHECK(stream->write(daemon_request(address), patience));
  return stream;
}

}  // namespace

Result<std::unique_ptr<Duplex>> connect_stream(const UpstreamUrl& url,
                                               const GitEnvironment& environment,
                                               const GitProgram::SignIn& sign_in,
                                               const Patience& patience) {
  FRESHET_TRY(const GitAddress address, git_address(url));
  switch (url.transport()) {
    case Transport::ssh:
      return over_ssh(url, address, environment, sign_in);
    case Transport::git:
      return to_daemon(address, patience);
    case Transport::file:
      return to_local(address, environment);
    case Transport::http:
    case Transport::https:
      break;
  }
  return fail(ErrorClass::internal, "http is spoken elsewhere");
}

}  // namespace freshet::remote
