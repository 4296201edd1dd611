#include "remote/internal_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

namespace freshet::remote {
namespace {

struct Range4 {
  std::uint32_t network;
  std::uint32_t mask;
};

constexpr std::array kInternal4{
    Range4{0x00000000, 0xFF000000},  // 0.0.0.0/8, "this host"
    Range4{0x0A000000, 0xFF000000},  // 10.0.0.0/8
    Range4{0x64400000, 0xFFC00000},  // 100.64.0.0/10
    Range4{0x7F000000, 0xFF000000},  // 127.0.0.0/8
    Range4{0xA9FE0000, 0xFFFF0000},  // 169.254.0.0/16
    Range4{0xAC100000, 0xFFF00000},  // 172.16.0.0/12
    Range4{0xC0A80000, 0xFFFF0000},  // 192.168.0.0/16
};

bool is_internal(std::uint32_t address) {
  return std::any_of(kInternal4.begin(), kInternal4.end(),
                     [&](const Range4& range) { return (address & range.mask) == range.network; });
}

std::uint32_t word_at(const in6_addr& address, std::size_t byte) {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    word = word << 8U | address.s6_addr[byte + i];
  }
  return word;
}

bool is_internal(const in6_addr& address) {
  const std::uint8_t first = address.s6_addr[0];
  const std::uint8_t second = address.s6_addr[1];
  const std::uint32_t last = word_at(address, 12);
  const bool unique_local = (first & 0xFEU) == 0xFC;
  const bool link_local = first == 0xFE && (second & 0xC0U) == 0x80;
  const bool nat64 = word_at(address, 0) == 0x0064FF9B && word_at(address, 4) == 0 &&
                     word_at(address, 8) == 0;  // 64:ff9b::/96
  const bool low = word_at(address, 0) == 0 && word_at(address, 4) == 0;
  const std::uint32_t third = word_at(address, 8);
  const bool holds_ipv4 = nat64 || (low && (third == 0xFFFF || third == 0));  // ::1 is 0.0.0.1
  return unique_local || link_local || (holds_ipv4 && is_internal(last));
}

}  // namespace

bool is_internal_address(std::string_view ip) {
  const std::string text(ip.substr(0, ip.find('%')));
  in_addr four{};
  if (::inet_pton(AF_INET, text.c_str(), &four) == 1) {
    return is_internal(ntohl(four.s_addr));
  }
  in6_addr six{};
  return ::inet_pton(AF_INET6, text.c_str(), &six) == 1 && is_internal(six);
}

}  // namespace freshet::remote
