#pragma once

#include <memory>

#include "base/git_environment.h"
#include "base/url.h"
#include "remote/duplex.h"
#include "remote/git_program.h"

namespace freshet::remote {

/// Opens a connection to git-upload-pack at the upstream, asked for version 2: by a child ssh, a
/// child git upload-pack, or a socket. What the upstream thinks of it is only known when it
/// answers. Errors: config, network, timeout, conflict (cancelled), those of Credentials. Requires
/// that the URL is none of http.
Result<std::unique_ptr<Duplex>> connect_stream(const UpstreamUrl& url,
                                               const GitEnvironment& environment,
                                               const GitProgram::SignIn& sign_in,
                                               const Patience& patience);

}  // namespace freshet::remote
