#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "remote/attempt.h"
#include "remote/duplex.h"
#include "remote/fetch_exchange.h"
#include "remote/protocol_v2.h"
#include "remote/upstream.h"

namespace freshet::remote {

/// A conversation in version 2 of git's protocol over one connection: any number of commands, one
/// after the other. After an error it is of no use any more. Errors are those of Upstream; `odd`:
/// the connection ended before the first byte of the answer, so a new one may do.
class StreamSession {
 public:
  /// Hears the greeting. nullptr: the server does not speak version 2.
  static Result<std::unique_ptr<StreamSession>> open(std::unique_ptr<Duplex> stream,
                                                     const Patience& patience);
  /// Takes leave of the server where nothing is open, else just ends the connection.
  ~StreamSession();

  const Capabilities& capabilities() const { return capabilities_; }

  Attempt<Advertisement> list(const std::vector<RefPattern>& patterns, const Patience& patience);
  /// Brings the answer to the exchange, but not its end. Also fine when that wants no more of it.
  Attempt<void> fetch(const FetchCommand& command, FetchExchange& exchange,
                      const Patience& patience);

 private:
  StreamSession(std::unique_ptr<Duplex> stream, Capabilities capabilities)
      : stream_(std::move(stream)), capabilities_(capabilities) {}
  FailedAttempt ended(Error otherwise, bool any);
  Result<FetchExchange::Take> hand_on(FetchExchange& exchange, std::string_view bytes,
                                      const Patience& patience);

  const std::unique_ptr<Duplex> stream_;
  const Capabilities capabilities_;
  bool at_rest_ = true;  ///< all that was asked is answered
};

}  // namespace freshet::remote
