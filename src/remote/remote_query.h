#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "remote/git_http.h"
#include "remote/http_client.h"
#include "remote/protocol_v2.h"
#include "remote/remote_memory.h"

namespace freshet::remote {

/// Questions to one upstream that share a sign-in and their limits. Every answer is given by the
/// client's thread, once; nothing blocks and nothing is started for it.
struct RemoteQuery {
  HttpClient& client;
  std::shared_ptr<RemoteMemory> memory;
  HttpAccess access;
  TimeLimits limits;  ///< of all its requests together
  CancelToken cancel;
  Instant started = now();

  TimeLimits limits_left() const;
  bool has_login() const { return !access.authorization.empty(); }
};

/// nullopt: the upstream does not speak version 2.
using ServerAnswer = Attempt<std::optional<RemoteMemory::Server>>;
using RefsAnswer = Attempt<std::optional<Advertisement>>;

/// Where to post, and what the server can do: from memory, or by a request.
void ask_server(const std::shared_ptr<const RemoteQuery>& query,
                std::function<void(ServerAnswer)> done);
/// The refs that match. When what was remembered of the server does not fit, it is asked anew.
void ask_refs(const std::shared_ptr<const RemoteQuery>& query, std::vector<RefPattern> patterns,
              std::function<void(RefsAnswer)> done);

}  // namespace freshet::remote
