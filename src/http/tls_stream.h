#pragma once

#include <memory>

#include "http/stream.h"
#include "http/tls_context.h"

namespace freshet::http {

/// TLS over a connected, non-blocking socket, this side being the server. Requires that the process
/// ignores SIGPIPE.
std::unique_ptr<Stream> tls_stream(UniqueFd socket, std::shared_ptr<const TlsContext> context);

}  // namespace freshet::http
