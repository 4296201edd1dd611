#include "app/upstreams.h"

#include "remote/git_program.h"
#include "remote/http_upstream.h"
#include "remote/stream_upstream.h"

namespace freshet::app {

Result<std::unique_ptr<remote::CurlClient>> start_upstream_client() {
  remote::CurlOptions options;
  options.user_agent += "/" FRESHET_VERSION;
  return remote::CurlClient::start(options);
}

std::shared_ptr<remote::Upstream> connect_upstream(const sync::RepositorySpec& spec,
                                                   const UpstreamAccess& access,
                                                   std::shared_ptr<remote::RemoteMemory> memory) {
  /// An upstream lives as long as somebody waits for it, and so does what it signs in with.
  struct Connected {
    std::shared_ptr<remote::Credentials> credentials;
    std::unique_ptr<remote::Upstream> upstream;
  };
  auto connected = std::make_shared<Connected>();
  connected->credentials = access.credentials;
  const remote::GitProgram::SignIn sign_in{access.credentials.get(), access.ssh_connections};
  auto by_git = std::make_unique<remote::GitProgram>(spec.url, access.git, sign_in);
  const auto transport = spec.url.transport();
  if (transport == UpstreamUrl::Transport::https || transport == UpstreamUrl::Transport::http) {
    connected->upstream =
        std::make_unique<remote::HttpUpstream>(spec.url, access.http, access.credentials.get(),
                                               std::move(memory), access.git, std::move(by_git));
  } else {
    connected->upstream = std::make_unique<remote::StreamUpstream>(
        spec.url, access.git, sign_in, std::move(memory), std::move(by_git));
  }
  return {connected, connected->upstream.get()};
}

}  // namespace freshet::app
