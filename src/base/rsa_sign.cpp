#include "base/rsa_sign.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <climits>
#include <memory>

namespace freshet {
namespace {

struct FreeSigning {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
template <class T>
using Owned = std::unique_ptr<T, FreeSigning>;

/// Without it OpenSSL asks for a passphrase on the terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) {
  return 0;
}

/// What OpenSSL noted of a failure is nobody's to read later in this thread, a TLS library least.
struct ForgetErrors {
  ForgetErrors() = default;
  ForgetErrors(const ForgetErrors&) = delete;
  ForgetErrors& operator=(const ForgetErrors&) = delete;
  ~ForgetErrors() { ERR_clear_error(); }
};

Owned<EVP_PKEY> read_key(const Secret& pem) {
  const std::string_view text = pem.reveal();
  if (text.empty() || text.size() > INT_MAX) {
    return nullptr;
  }
  const Owned<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  return Owned<EVP_PKEY>(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr)
                             : nullptr);
}

}  // namespace

Result<std::string> sign_rs256(const Secret& pem, std::string_view message) {
  const ForgetErrors forget;
  const Owned<EVP_PKEY> key = read_key(pem);
  if (!key || EVP_PKEY_is_a(key.get(), "RSA") != 1) {
    return fail(ErrorClass::config,
                "not an RSA private key in PEM form (PKCS#1 or PKCS#8, without a passphrase)");
  }
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
  std::size_t size = 0;
  std::string signature;
  bool signed_it =
      context &&
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
      EVP_DigestSign(context.get(), nullptr, &size, bytes, message.size()) == 1;
  if (signed_it) {
    signature.resize(size);
    signed_it = EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                               &size, bytes, message.size()) == 1;
    signature.resize(size);
  }
  if (!signed_it) {
    return fail(ErrorClass::config, "this RSA private key cannot sign with SHA-256");
  }
  return signature;
}

}  // namespace freshet
