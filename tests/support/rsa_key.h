#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace freshet::testing {

/// A key pair of its own for each test program.
class RsaKey {
 public:
  RsaKey() : key_(EVP_RSA_gen(2048)) {
    if (!key_) {
      throw std::runtime_error("cannot make an RSA key");
    }
  }

  std::string pkcs8(const std::string& passphrase = "") const {
    return pem([&](BIO* out) {
      const auto* text = reinterpret_cast<const unsigned char*>(passphrase.data());
      return PEM_write_bio_PrivateKey(out, key_.get(),
                                      passphrase.empty() ? nullptr : EVP_aes_128_cbc(), text,
                                      static_cast<int>(passphrase.size()), nullptr, nullptr);
    });
  }
  std::string pkcs1(const std::string& passphrase = "") const {
    return pem([&](BIO* out) {
      const auto* text = reinterpret_cast<const unsigned char*>(passphrase.data());
      return PEM_write_bio_PrivateKey_traditional(
          out, key_.get(), passphrase.empty() ? nullptr : EVP_aes_128_cbc(), text,
          static_cast<int>(passphrase.size()), nullptr, nullptr);
    });
  }

  /// With the public half alone, as a receiver has it.
  bool verifies(std::string_view message, std::string_view signature) const {
    const std::string public_half =
        pem([&](BIO* out) { return PEM_write_bio_PUBKEY(out, key_.get()); });
    const Owned<BIO> in(BIO_new_mem_buf(public_half.data(), static_cast<int>(public_half.size())));
    const Owned<EVP_PKEY> key(PEM_read_bio_PUBKEY(in.get(), nullptr, nullptr, nullptr));
    const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
    return key && context &&
           EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
           EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(message),
                            message.size()) == 1;
  }

 private:
  struct Free {
    void operator()(BIO* bio) const { BIO_free(bio); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  template <class T>
  using Owned = std::unique_ptr<T, Free>;

  static const unsigned char* bytes(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  }

  template <class Write>
  static std::string pem(Write write) {
    const Owned<BIO> out(BIO_new(BIO_s_mem()));
    if (!out || write(out.get()) != 1) {
      throw std::runtime_error("cannot write a key");
    }
    const char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);  // NOLINT: OpenSSL's macro
    return std::string(data, static_cast<std::size_t>(size));
  }

  Owned<EVP_PKEY> key_;
};

inline const RsaKey& rsa_key() {
  static const RsaKey kKey;
  return kKey;
}

}  // namespace freshet::testing
