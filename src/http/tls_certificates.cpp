#include "http/tls_certificates.h"

#include <utility>

#include "base/files.h"
#include "base/log.h"

namespace freshet::http {
namespace {

constexpr std::chrono::seconds kBetweenLooks{1};
constexpr std::size_t kLargestChain = std::size_t{1024} * 1024;

Result<std::string> read_certificate(const std::string& location) {
  if (!location.starts_with("credential:")) {
    return read_file(location, kLargestChain);
  }
  FRESHET_TRY(const Secret text, read_secret(location));
  return std::string(text.reveal());
}

/// The contents and not the times of change: files are also rewritten twice within one.
Sha256 digest_of(std::string_view chain, std::string_view key) {
  HmacSha256 hmac("certificate and key");
  for (const std::string_view text : {chain, key}) {
    hmac.update(std::to_string(text.size()) + ":");
    hmac.update(text);
  }
  return hmac.finish();
}

}  // namespace

Result<TlsCertificates::Texts> TlsCertificates::read(const TlsFiles& files) {
  auto chain = read_certificate(files.certificate);
  if (!chain) {
    return fail(ErrorClass::config,
                "tls_cert: " + chain.error().message + "; it must be readable to freshet");
  }
  auto key = read_secret(files.key);
  if (!key) {
    return fail(ErrorClass::config,
                "tls_key: " + key.error().message + "; it must be readable to freshet");
  }
  return Texts{*std::move(chain), *std::move(key)};
}

Result<std::shared_ptr<const TlsContext>> TlsCertificates::load() {
  FRESHET_TRY(const Texts texts, read(files_));
  const Sha256 digest = digest_of(texts.chain, texts.key.reveal());
  if (context_ && digest == seen_) {
    return context_;  // whether it is of these texts, or they were no pair
  }
  seen_ = digest;
  auto context = TlsContext::create(texts.chain, texts.key.reveal());
  if (!context) {
    Error error = std::move(context).error();
    error.message += ": " + files_.certificate + ", " + files_.key;
    return fail(std::move(error));
  }
  return context;
}

Result<std::unique_ptr<TlsCertificates>> TlsCertificates::open(TlsFiles files, Instant now) {
  std::unique_ptr<TlsCertificates> certificates(new TlsCertificates(std::move(files)));
  FRESHET_TRY(auto context, certificates->load());
  certificates->use(std::move(context));
  certificates->next_look_ = now + kBetweenLooks;
  return certificates;
}

std::shared_ptr<const TlsContext> TlsCertificates::current(Instant now) {
  if (now >= next_look_) {
    reload();
    next_look_ = now + kBetweenLooks;
  }
  return context_;
}

void TlsCertificates::reload() {
  auto context = load();
  if (!context) {
    if (context.error().message != problem_) {
      problem_ = context.error().message;
      log::error("certificate not reloaded; the one before stays in use", {{"error", problem_}});
    }
    return;
  }
  problem_.clear();
  if (*context != context_) {
    use(*std::move(context));
    log::info("certificate reloaded", {{"not_after", to_rfc3339(not_after())}});
  }
}

void TlsCertificates::use(std::shared_ptr<const TlsContext> context) {
  context_ = std::move(context);
  not_after_.store(context_->not_after(), std::memory_order_relaxed);
  if (context_->not_after() < wall_now()) {
    log::warning("the certificate has expired", {{"not_after", to_rfc3339(context_->not_after())}});
  }
}

}  // namespace freshet::http
