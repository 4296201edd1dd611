#pragma once

#include <atomic>
#include <memory>

#include "base/hmac.h"
#include "base/secret.h"
#include "http/options.h"
#include "http/tls_context.h"

namespace freshet::http {

/// The certificate of a server, read again when its files change. While they cannot be read, or do
/// not form a pair, the one before stays in use; the log says so once.
class TlsCertificates {
 public:
  /// Failure: config, naming the setting and the file.
  static Result<std::unique_ptr<TlsCertificates>> open(TlsFiles files, Instant now);

  /// For a new connection. Looks at the files at most once a second. One thread at a time.
  std::shared_ptr<const TlsContext> current(Instant now);
  /// When the certificate in use expires. Any thread.
  WallTime not_after() const { return not_after_.load(std::memory_order_relaxed); }

 private:
  struct Texts {
    std::string chain;
    Secret key;
  };
  explicit TlsCertificates(TlsFiles files) : files_(std::move(files)) {}
  static Result<Texts> read(const TlsFiles& files);
  Result<std::shared_ptr<const TlsContext>> load();
  void use(std::shared_ptr<const TlsContext> context);
  void reload();

  const TlsFiles files_;
  std::shared_ptr<const TlsContext> context_;
  Sha256 seen_{};  ///< of the texts that were tried last
  Instant next_look_{};
  std::string problem_;  ///< said last; empty: none
  std::atomic<WallTime> not_after_{};
};

}  // namespace freshet::http
