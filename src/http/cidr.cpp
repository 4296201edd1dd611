#include "http/cidr.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace freshet::http {
namespace {

constexpr std::array<unsigned char, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kMappedBits = 96;

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> copy{};
  if (text.size() >= copy.size() || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  std::copy(text.begin(), text.end(), copy.begin());
  IpAddress address;
  if (inet_pton(AF_INET, copy.data(), address.bytes.data()) == 1) {
    address.v4 = true;
    return address;
  }
  if (inet_pton(AF_INET6, copy.data(), address.bytes.data()) != 1) {
    return std::nullopt;
  }
  if (std::equal(kMapped.begin(), kMapped.end(), address.bytes.begin())) {
    std::array<unsigned char, 16> folded{};
    std::copy(address.bytes.begin() + kMapped.size(), address.bytes.end(), folded.begin());
    return IpAddress{folded, true};
  }
  return address;
}

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(v4 ? AF_INET : AF_INET6, bytes.data(), text.data(), text.size());
  return text.data();
}

std::string IpAddress::network() const {
  return {reinterpret_cast<const char*>(bytes.data()), v4 ? std::size_t{4} : std::size_t{8}};
}

std::string client_network(std::string_view address) {
  const auto parsed = IpAddress::parse(address);
  return parsed ? parsed->network() : "";
}

AddressRanges::AddressRanges(const std::vector<std::string>& cidrs) {
  for (const std::string& cidr : cidrs) {
    if (auto range = parse(cidr)) {
      ranges_.push_back(*range);
    }
  }
}

std::optional<AddressRanges::Range> AddressRanges::parse(std::string_view cidr) {
  const std::size_t slash = std::min(cidr.find('/'), cidr.size());
  const std::string_view text = cidr.substr(0, slash);
  const auto base = IpAddress::parse(text);
  if (!base) {
    return std::nullopt;
  }
  const bool written_as_v6 = text.find(':') != std::string_view::npos;
  const unsigned longest = written_as_v6 ? 128 : 32;
  Range range{*base, longest};
  if (slash < cidr.size()) {
    const std::string_view bits = cidr.substr(slash + 1);
    const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), range.prefix);
    if (error != std::errc() || end != bits.data() + bits.size() || range.prefix > longest) {
      return std::nullopt;
    }
  }
  if (base->v4 && written_as_v6) {
    if (range.prefix >= kMappedBits) {
      range.prefix -= kMappedBits;
    } else {  // it speaks of more than IPv4, all of which is IPv6
      range.base.v4 = false;
      std::copy_backward(base->bytes.begin(), base->bytes.begin() + 4, range.base.bytes.end());
      std::copy(kMapped.begin(), kMapped.end(), range.base.bytes.begin());
    }
  }
  return range;
}

bool AddressRanges::contains(const IpAddress& address) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& range) {
    const std::size_t whole = range.prefix / 8;
    const unsigned rest = range.prefix % 8;
    if (range.base.v4 != address.v4 ||
        std::memcmp(range.base.bytes.data(), address.bytes.data(), whole) != 0) {
      return false;
    }
    return rest == 0 || (range.base.bytes[whole] ^ address.bytes[whole]) >> (8 - rest) == 0;
  });
}

bool AddressRanges::contains(std::string_view address) const {
  const auto parsed = IpAddress::parse(address);
  return parsed && contains(*parsed);
}

}  // namespace freshet::http
