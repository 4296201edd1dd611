#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace freshet::fuzz {

/// Ends the program when `holds` is false, as a sanitizer would: the fuzzer keeps the input then.
inline void require(bool holds, const char* what) {
  if (!holds) {
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
  }
}

/// The bytes of one run; the front of them chooses what is done with the rest.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : rest_(reinterpret_cast<const char*>(data), size) {}

  /// 0 when nothing is left.
  std::uint8_t byte() {
    if (rest_.empty()) {
      return 0;
    }
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  /// Below `count`. Letters, so that seeds can be read: 'a' is 0.
  std::size_t choice(std::size_t count) {
    return static_cast<std::uint8_t>(byte() - std::uint8_t{'a'}) % count;
  }
  /// Up to the next line end, which is taken away too.
  std::string_view line() {
    const std::string_view found = rest_.substr(0, rest_.find('\n'));
    rest_.remove_prefix(found.size() == rest_.size() ? found.size() : found.size() + 1);
    return found;
  }
  bool empty() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace freshet::fuzz
