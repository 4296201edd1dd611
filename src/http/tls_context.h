#pragma once

#include <memory>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

struct ssl_ctx_st;

namespace freshet::http {

/// A certificate chain with its key, and how TLS is spoken with them: 1.2 or newer, HTTP/1.1, no
/// renegotiation, no compression, no state kept for sessions but what tickets hold. Immutable; any
/// thread.
class TlsContext {
 public:
  /// Both in PEM form. Failure: config; the message completes "tls_cert and tls_key: ".
  static Result<std::shared_ptr<const TlsContext>> create(std::string_view chain,
                                                          std::string_view key);

  WallTime not_after() const { return not_after_; }  ///< of the server's own certificate
  ssl_ctx_st* handle() const { return handle_.get(); }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  using Handle = std::unique_ptr<ssl_ctx_st, Free>;
  TlsContext(Handle handle, WallTime not_after)
      : handle_(std::move(handle)), not_after_(not_after) {}

  Handle handle_;
  WallTime not_after_;
};

}  // namespace freshet::http
