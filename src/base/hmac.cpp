#include "base/hmac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <cstdlib>

namespace freshet {
namespace {

struct FreeMac {
  void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// OpenSSL fails here only without memory or without its own provider; nothing sensible can follow.
void require(bool succeeded) {
  if (!succeeded) {
    std::abort();
  }
}

/// Looking the algorithms up costs more than a short HMAC, so it is done once: this is copied for
/// each.
EVP_MAC_CTX* hmac_template() {
  static const std::unique_ptr<EVP_MAC_CTX, FreeMac> kTemplate([] {
    const std::unique_ptr<EVP_MAC, FreeMac> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
    require(mac != nullptr);
    EVP_MAC_CTX* context = EVP_MAC_CTX_new(mac.get());
    char digest[] = "SHA256";
    const std::array<OSSL_PARAM, 2> parameters{
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, static_cast<char*>(digest), 0),
        OSSL_PARAM_construct_end()};
    require(context != nullptr && EVP_MAC_CTX_set_params(context, parameters.data()) == 1);
    return context;
  }());
  return kTemplate.get();
}

const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const kDigest = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  require(kDigest != nullptr);
  return kDigest;
}

int digit_value(char digit) {
  if (digit >= '0' && digit <= '9') {
    return digit - '0';
  }
  if (digit >= 'a' && digit <= 'f') {
    return digit - 'a' + 10;
  }
  if (digit >= 'A' && digit <= 'F') {
    return digit - 'A' + 10;
  }
  return -1;
}

}  // namespace

struct HmacSha256::Context {
  std::unique_ptr<EVP_MAC_CTX, FreeMac> mac{EVP_MAC_CTX_dup(hmac_template())};
};

HmacSha256::HmacSha256(std::string_view key) : context_(std::make_unique<Context>()) {
  require(!key.empty() && context_->mac != nullptr);
  require(EVP_MAC_init(context_->mac.get(), bytes_of(key), key.size(), nullptr) == 1);
}

HmacSha256::HmacSha256(HmacSha256&&) noexcept = default;
HmacSha256& HmacSha256::operator=(HmacSha256&&) noexcept = default;
HmacSha256::~HmacSha256() = default;

void HmacSha256::update(std::string_view bytes) {
  require(EVP_MAC_update(context_->mac.get(), bytes_of(bytes), bytes.size()) == 1);
}

Sha256 HmacSha256::finish() {
  Sha256 digest{};
  std::size_t size = 0;
  require(EVP_MAC_final(context_->mac.get(), digest.data(), &size, digest.size()) == 1);
  return digest;
}

Sha256 hmac_sha256(std::string_view key, std::string_view message) {
  HmacSha256 hmac(key);
  hmac.update(message);
  return hmac.finish();
}

Sha256 sha256(std::string_view message) {
  Sha256 digest{};
  unsigned size = 0;
  require(EVP_Digest(message.data(), message.size(), digest.data(), &size, sha256_algorithm(),
                     nullptr) == 1);
  return digest;
}

std::string sha1(std::string_view message) {
  std::string digest(20, '\0');
  unsigned size = 0;
  require(EVP_Digest(message.data(), message.size(),
                     reinterpret_cast<unsigned char*>(digest.data()), &size, EVP_sha1(),
                     nullptr) == 1);
  return digest;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string digits;
  digits.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    digits += kDigits[byte >> 4U];
    digits += kDigits[byte & 15U];
  }
  return digits;
}

std::string to_hex(const Sha256& digest) {
  return to_hex(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

std::optional<std::string> from_hex(std::string_view digits) {
  if (digits.size() % 2 != 0) {
    return std::nullopt;
  }
  std::string bytes;
  bytes.reserve(digits.size() / 2);
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = digit_value(digits[i]);
    const int low = digit_value(digits[i + 1]);
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  require(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) == 1);
  return bytes;
}

std::string random_hex(std::size_t count) {
  return to_hex(random_bytes(count));
}

}  // namespace freshet
