#include "checkout/index_file.h"

#include <algorithm>

#include "base/hmac.h"

namespace freshet::checkout {
namespace {

void put16(std::string& out, std::uint64_t value) {
  out += static_cast<char>((value >> 8U) & 0xffU);
  out += static_cast<char>(value & 0xffU);
}

void put32(std::string& out, std::uint64_t value) {
  put16(out, (value >> 16U) & 0xffffU);
  put16(out, value & 0xffffU);
}

/// Everything but the name: ten 32-bit fields, the object id and the flags.
constexpr std::size_t kFixed = 62;

void put_entry(std::string& out, const IndexEntry& index_entry) {
  const auto& [entry, info] = index_entry;
  put32(out, static_cast<std::uint64_t>(info.st_ctim.tv_sec));
  put32(out, static_cast<std::uint64_t>(info.st_ctim.tv_nsec));
  put32(out, static_cast<std::uint64_t>(info.st_mtim.tv_sec));
  put32(out, static_cast<std::uint64_t>(info.st_mtim.tv_nsec));
  put32(out, info.st_dev);
  put32(out, info.st_ino);
  put32(out, entry.mode);
  put32(out, info.st_uid);
  put32(out, info.st_gid);
  put32(out, static_cast<std::uint64_t>(info.st_size));
  out += from_hex(entry.id.hex()).value_or(std::string(20, '\0'));
  put16(out, std::min<std::size_t>(entry.path.size(), 0xfff));
  out += entry.path;
  // One to eight NULs, up to a multiple of eight.
  out.append(8 - (kFixed + entry.path.size()) % 8, '\0');
}

}  // namespace

std::string encode_index(std::vector<IndexEntry> entries) {
  std::sort(entries.begin(), entries.end(),
            [](const IndexEntry& a, const IndexEntry& b) { return a.entry.path < b.entry.path; });
  std::string out;
  out.reserve(entries.size() * 104 + 64);
  out += "DIRC";
  put32(out, 2);
  put32(out, entries.size());
  for (const IndexEntry& entry : entries) {
    put_entry(out, entry);
  }
  out += sha1(out);
  return out;
}

}  // namespace freshet::checkout
