#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace freshet::http {

/// An IPv4 or IPv6 address. An IPv4 address written as IPv6 ("::ffff:192.0.2.1") is the IPv4 one.
struct IpAddress {
  std::array<unsigned char, 16> bytes{};  ///< of an IPv4 address the first four
  bool v4 = false;

  /// Without port, brackets and zone. nullopt: it is no address.
  static std::optional<IpAddress> parse(std::string_view text);
  std::string text() const;
  /// What counts as one client: the address, or the first 64 bits of an IPv6 address.
  std::string network() const;
};

/// network() of an address as text; empty when it is none.
std::string client_network(std::string_view address);

/// A set of address ranges.
class AddressRanges {
 public:
  AddressRanges() = default;
  /// "10.0.0.0/8", "fd00::/8" or single addresses; what is neither is left out. Bits behind the
  /// prefix do not matter.
  explicit AddressRanges(const std::vector<std::string>& cidrs);

  bool contains(const IpAddress& address) const;
  bool contains(std::string_view address) const;
  bool empty() const { return ranges_.empty(); }

 private:
  struct Range {
    IpAddress base;
    unsigned prefix = 0;  ///< bits
  };
  static std::optional<Range> parse(std::string_view cidr);

  std::vector<Range> ranges_;
};

}  // namespace freshet::http
