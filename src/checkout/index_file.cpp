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

constexpr std::size_t kHeader = 12;
constexpr std::size_t kChecksum = 20;
constexpr std::string_view kStart("DIRC\0\0\0\2", 8);  // with the version

void sort_by_path(std::vector<IndexEntry>& entries) {
  std::sort(entries.begin(), entries.end(),
            [](const IndexEntry& a, const IndexEntry& b) { return a.entry.path < b.entry.path; });
}

std::uint32_t get32(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    value = value << 8U | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

/// Goes through the entries of an index.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {
    valid_ = bytes.size() >= kHeader + kChecksum && bytes.substr(0, kStart.size()) == kStart;
    if (valid_) {
      left_ = get32(bytes, kStart.size());
      look();
    }
  }
  bool valid() const { return valid_; }  ///< so far; at the end: all of it
  bool at_end() const { return !valid_ || left_ == 0; }
  std::string_view path() const { return path_; }
  std::string_view entry() const { return bytes_.substr(at_, size_); }
  void next() {
    at_ += size_;
    --left_;
    look();
  }

 private:
  void look() {
    const std::size_t end = bytes_.size() - kChecksum;
    if (left_ == 0) {
      valid_ = at_ == end;
      return;
    }
    const std::size_t name_end = at_ + kFixed < end ? bytes_.find('\0', at_ + kFixed) : end;
    valid_ = name_end < end;
    if (!valid_) {
      return;
    }
    path_ = bytes_.substr(at_ + kFixed, name_end - at_ - kFixed);
    size_ = (kFixed + path_.size() + 8) / 8 * 8;
    valid_ = at_ + size_ <= end;
  }

  std::string_view bytes_;
  std::string_view path_;
  std::size_t at_ = kHeader;
  std::size_t size_ = 0;
  std::size_t left_ = 0;
  bool valid_ = false;
};

std::string finished(std::string out, std::size_t count) {
  std::string number;
  put32(number, count);
  out.replace(kStart.size(), number.size(), number);
  out += sha1(out);
  return out;
}

}  // namespace

std::string encode_index(std::vector<IndexEntry> entries) {
  sort_by_path(entries);
  std::string out;
  out.reserve(entries.size() * 104 + 64);
  out.append(kStart).append(4, '\0');
  for (const IndexEntry& entry : entries) {
    put_entry(out, entry);
  }
  return finished(std::move(out), entries.size());
}

std::optional<std::string> update_index(std::string_view old, std::vector<std::string> removed,
                                        std::vector<IndexEntry> written) {
  std::sort(removed.begin(), removed.end());
  sort_by_path(written);
  std::string out;
  out.reserve(old.size() + written.size() * 104);
  out.append(kStart).append(4, '\0');
  std::size_t count = written.size();
  auto gone = removed.begin();
  auto fresh = written.begin();
  Cursor cursor(old);
  for (; !cursor.at_end(); cursor.next()) {
    const std::string_view path = cursor.path();
    for (; fresh != written.end() && fresh->entry.path < path; ++fresh) {
      put_entry(out, *fresh);
    }
    while (gone != removed.end() && *gone < path) {
      ++gone;
    }
    const bool is_replaced = fresh != written.end() && fresh->entry.path == path;
    const bool is_gone = gone != removed.end() && *gone == path;
    if (!is_replaced && !is_gone) {
      out += cursor.entry();
      ++count;
    }
  }
  if (!cursor.valid()) {
    return std::nullopt;
  }
  for (; fresh != written.end(); ++fresh) {
    put_entry(out, *fresh);
  }
  return finished(std::move(out), count);
}

std::optional<std::vector<IndexRecord>> read_index(std::string_view bytes) {
  std::vector<IndexRecord> records;
  Cursor cursor(bytes);
  for (; !cursor.at_end(); cursor.next()) {
    const std::string_view entry = cursor.entry();
    records.push_back({cursor.path(), get32(entry, 24), get32(entry, 36), get32(entry, 20),
                       get32(entry, 8), get32(entry, 12), entry.substr(40, 20)});
  }
  return cursor.valid() ? std::optional(std::move(records)) : std::nullopt;
}

}  // namespace freshet::checkout
