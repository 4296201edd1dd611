#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string_view>

#include "remote/index_pack.h"

namespace freshet::remote {
namespace {

// The layout of version 2, gitformat-pack(5): a mark, a version, for each first byte how many names
// are not above it, then the sorted names.
constexpr std::string_view kMark{"\377tOc\0\0\0\2", 8};
constexpr std::size_t kName = 20;
constexpr std::uint64_t kCounts = 8;
constexpr std::uint64_t kNames = kCounts + std::uint64_t{256} * 4;

bool read_at(int fd, std::uint64_t offset, char* to, std::size_t size) {
  return ::pread(fd, to, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

std::optional<std::uint32_t> count_at(int fd, unsigned byte) {
  std::array<char, 4> raw{};
  if (!read_at(fd, kCounts + std::uint64_t{byte} * 4, raw.data(), raw.size())) {
    return std::nullopt;
  }
  std::uint32_t count = 0;
  for (const char c : raw) {
    count = (count << 8U) | static_cast<unsigned char>(c);
  }
  return count;
}

std::array<char, kName> to_bytes(const std::string& hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::array<char, kName> bytes{};
  for (std::size_t i = 0; i < kName; ++i) {
    bytes.at(i) = static_cast<char>(digit(hex[2 * i]) * 16 + digit(hex[2 * i + 1]));
  }
  return bytes;
}

}  // namespace

bool pack_contains(const std::string& mirror, const IndexedPack& pack, const ObjectId& id) {
  if (id.hex().size() != 2 * kName) {
    return false;
  }
  const std::string path = mirror + "/objects/pack/pack-" + pack.name + ".idx";
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, kMark.size()> mark{};
  if (!fd || !read_at(fd.get(), 0, mark.data(), mark.size()) ||
      std::string_view(mark.data(), mark.size()) != kMark) {
    return false;
  }
  const std::array<char, kName> wanted = to_bytes(id.hex());
  const unsigned first = static_cast<unsigned char>(wanted[0]);
  std::uint64_t low = first == 0 ? 0 : count_at(fd.get(), first - 1).value_or(0);
  std::uint64_t high = count_at(fd.get(), first).value_or(0);
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    std::array<char, kName> name{};
    if (!read_at(fd.get(), kNames + middle * kName, name.data(), name.size())) {
      return false;
    }
    const int order = std::memcmp(name.data(), wanted.data(), kName);
    if (order == 0) {
      return true;
    }
    (order < 0 ? low : high) = order < 0 ? middle + 1 : middle;
  }
  return false;
}

}  // namespace freshet::remote
