#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/message.h"

namespace freshet::http {

/// What a route takes as a body.
struct BodyPolicy {
  std::uint64_t max_bytes =
      std::numeric_limits<std::uint64_t>::max();  ///< beside the server's limit
  /// In lower case, without parameters; none: any. A request that names no type is let through: it
  /// is the handler that knows whether it can read the body.
  std::vector<std::string> media_types;
};

/// What a server serves. Called by many worker threads at once. A HEAD request comes as GET; the
/// server leaves the body of its answer out.
///
/// Of the answers that could be given before the body is believed, the first of these counts:
/// before_body's, 413 (longer than the server or the policy allows), 415 (other media type, or a
/// Content-Encoding), respond's.
class Application {
 public:
  virtual ~Application() = default;

  /// Decides by the head alone; the body is empty, whether or not some of it is here already. An
  /// answer ends the request, and the connection if the body was not here yet; nullopt asks for the
  /// body.
  virtual std::optional<Response> before_body(const Request& head) = 0;

  /// Asked after before_body. The reference is used before the next call on the same thread.
  virtual const BodyPolicy& body_policy(const Request& head) const {
    (void)head;
    static const BodyPolicy kAny;
    return kAny;
  }

  /// Asked once the body is wanted, before any of it is given away; nullptr: nobody listens. The
  /// tap sees the body's bytes as they arrive, each exactly once and all before respond().
  virtual std::shared_ptr<BodyTap> tap_body(const Request& head) {
    (void)head;
    return nullptr;
  }

  /// What it throws is logged and becomes a 500 that says nothing.
  virtual Response respond(const Request& request) = 0;
};

}  // namespace freshet::http
