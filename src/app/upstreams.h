#pragma once

#include <memory>
#include <string>

#include "base/git_environment.h"
#include "base/result.h"
#include "remote/credentials.h"
#include "remote/curl_client.h"
#include "remote/http_client.h"
#include "remote/remote_memory.h"
#include "remote/upstream.h"
#include "sync/repository_spec.h"

namespace freshet::app {

/// The client for upstreams, which says who asks. Failure: as of CurlClient::start.
Result<std::unique_ptr<remote::CurlClient>> start_upstream_client();

/// What an upstream is reached with. References must outlive every upstream.
struct UpstreamAccess {
  const GitEnvironment& git;
  remote::HttpClient& http;
  std::shared_ptr<remote::Credentials> credentials;
  std::string ssh_connections;  ///< folder of their sockets
};

/// The upstream of a repository by the way that its URL takes. It keeps the credentials alive. Any
/// thread.
std::shared_ptr<remote::Upstream> connect_upstream(const sync::RepositorySpec& spec,
                                                   const UpstreamAccess& access,
                                                   std::shared_ptr<remote::RemoteMemory> memory);

}  // namespace freshet::app
