#include "http/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <array>
#include <ctime>
#include <string>
#include <utility>

namespace freshet::http {
namespace {

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;
using Certificate = std::unique_ptr<X509, FreeCertificate>;
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

Bio reader(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Without it OpenSSL asks for a password on the terminal.
int no_password(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) {
  return -1;
}

/// What OpenSSL says of its last failure.
std::string reason() {
  const char* text = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return text == nullptr ? "" : std::string(" (") + text + ")";
}

int choose_protocol(SSL* /*ssl*/, const unsigned char** out, unsigned char* out_length,
                    const unsigned char* offered, unsigned int offered_length, void* /*data*/) {
  static constexpr std::array<unsigned char, 9> kHttp = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* chosen = nullptr;
  const int found = SSL_select_next_proto(&chosen, out_length, kHttp.data(), kHttp.size(), offered,
                                          offered_length);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

void set_protocol(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  // A read ends with what carries no bytes for us, however much of it is sent.
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, &choose_protocol, nullptr);
}

WallTime time_of(const ASN1_TIME* time) {
  std::tm utc{};
  ASN1_TIME_to_tm(time, &utc);
  return std::chrono::system_clock::from_time_t(timegm(&utc));
}

/// The server's own certificate, and after it those that vouch for it. Its end of validity.
Result<WallTime> use_chain(SSL_CTX* context, std::string_view text) {
  const Bio bio = reader(text);
  const Certificate own(PEM_read_bio_X509_AUX(bio.get(), nullptr, &no_password, nullptr));
  if (!own || SSL_CTX_use_certificate(context, own.get()) != 1) {
    return fail(ErrorClass::config,
                "tls_cert holds no usable certificate in PEM form" + reason() +
                    "; it must begin with the server's own, followed by those that vouch for it");
  }
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, &no_password, nullptr)) {
    if (SSL_CTX_add0_chain_cert(context, next) != 1) {
      X509_free(next);
      return fail(ErrorClass::config, "a certificate in tls_cert cannot be used" + reason());
    }
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!at_end) {
    return fail(ErrorClass::config, "a certificate in tls_cert is damaged" + reason());
  }
  ERR_clear_error();
  return time_of(X509_get0_notAfter(own.get()));
}

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

Result<std::shared_ptr<const TlsContext>> TlsContext::create(std::string_view chain,
                                                             std::string_view key) {
  ERR_clear_error();
  Handle handle(SSL_CTX_new(TLS_server_method()));
  if (!handle) {
    return fail(ErrorClass::internal, "TLS cannot be set up" + reason());
  }
  set_protocol(handle.get());
  FRESHET_TRY(const WallTime not_after, use_chain(handle.get(), chain));
  const Key parsed(PEM_read_bio_PrivateKey(reader(key).get(), nullptr, &no_password, nullptr));
  if (!parsed) {
    return fail(ErrorClass::config,
                "tls_key holds no private key in PEM form without a password" + reason());
  }
  if (SSL_CTX_use_PrivateKey(handle.get(), parsed.get()) != 1 ||
      SSL_CTX_check_private_key(handle.get()) != 1) {
    return fail(ErrorClass::config, "tls_key is not the key of the first certificate in tls_cert");
  }
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(handle), not_after));
}

}  // namespace freshet::http
