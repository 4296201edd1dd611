#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace freshet::http {

/// How many requests were refused before the application had the whole of them: before anybody has
/// shown a signature. Any thread.
class Refusals {
 public:
  /// An answer with this status ended a request; what is no refusal does not count.
  void count(int status) {
    if (status >= 400) {
      ++counts_.at(place_of(status));
    }
  }

  /// Every reason there is, with its count.
  std::vector<std::pair<std::string_view, std::uint64_t>> counts() const;

 private:
  static constexpr std::array<std::string_view, 11> kReasons{
      "malformed", "token", "forbidden",  "unknown_route", "method", "timeout",
      "too_large", "head",  "media_type", "rate_limit",    "busy"};
  static std::size_t place_of(int status);

  std::array<std::atomic<std::uint64_t>, kReasons.size()> counts_{};
};

}  // namespace freshet::http
