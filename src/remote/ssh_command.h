#pragma once

#include <string>
#include <vector>

#include "base/git_environment.h"
#include "base/result.h"
#include "base/url.h"
#include "remote/credentials.h"

namespace freshet::remote {

/// Makes STATE_DIR/ssh, where connections are shared, for this user alone, and answers its path.
/// Error config: something else stands there, or it belongs to somebody else.
Result<std::string> make_control_directory(const std::string& state_dir);

/// ssh and its options for an upstream, without the host: guarded_ssh(), the login's key and no
/// other, its known hosts and no others. Upstreams with the same host, port, user and login share
/// one connection, which ends 60 s after its last use. `control_directory` empty, or longer than a
/// unix socket's name may be (73 bytes): every child connects anew.
std::vector<std::string> ssh_arguments(const UpstreamUrl& url, const SshLogin& login,
                                       const std::string& control_directory);

/// The words as one line for a shell, as GIT_SSH_COMMAND takes it. Each word stays one word,
/// whatever it holds.
std::string shell_line(const std::vector<std::string>& words);

/// Tells the shared connections, which outlive the children that opened them, to end; those in use
/// end as well. For the end of the process. Does not wait for their sockets to disappear.
void end_shared_connections(const std::string& control_directory,
                            const GitEnvironment& environment);

}  // namespace freshet::remote
