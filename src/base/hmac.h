#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace freshet {

using Sha256 = std::array<unsigned char, 32>;

/// HMAC-SHA256 (RFC 2104) of bytes that arrive in pieces. The key must not be empty: whoever reads
/// secrets refuses empty ones (read_secret). Used by one thread at a time.
class HmacSha256 {
 public:
  explicit HmacSha256(std::string_view key);
  HmacSha256(HmacSha256&&) noexcept;
  HmacSha256& operator=(HmacSha256&&) noexcept;
  ~HmacSha256();

  void update(std::string_view bytes);
  Sha256 finish();  ///< once

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Sha256 hmac_sha256(std::string_view key, std::string_view message);
Sha256 sha256(std::string_view message);
/// 20 bytes. For git's formats only.
std::string sha1(std::string_view message);

/// Takes the same time wherever the two differ. Different lengths are told apart at once.
bool equal_in_constant_time(std::string_view a, std::string_view b);

std::string to_hex(std::string_view bytes);
std::string to_hex(const Sha256& digest);
/// nullopt: an odd number of digits, or something that is no hexadecimal digit (either case).
std::optional<std::string> from_hex(std::string_view digits);

/// Bytes from the kernel's random source.
std::string random_bytes(std::size_t count);
/// `2 * count` random hexadecimal digits.
std::string random_hex(std::size_t count);

}  // namespace freshet
