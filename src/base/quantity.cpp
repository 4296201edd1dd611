#include "base/quantity.h"

#include <array>
#include <charconv>
#include <limits>

namespace freshet {
namespace {

using namespace std::chrono_literals;

struct TimeUnit {
  std::string_view name;
  std::int64_t millis;
};
// Largest first; "ms" is matched before "m" by comparing the whole unit.
constexpr std::array<TimeUnit, 5> kTimeUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
constexpr std::int64_t kLongest = 3'653LL * 86'400'000;

struct SizeUnit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<SizeUnit, 10> kSizeUnits{{{"", 1},
                                               {"B", 1},
                                               {"KiB", 1ULL << 10},
                                               {"MiB", 1ULL << 20},
                                               {"GiB", 1ULL << 30},
                                               {"TiB", 1ULL << 40},
                                               {"KB", 1'000},
                                               {"MB", 1'000'000},
                                               {"GB", 1'000'000'000},
                                               {"TB", 1'000'000'000'000}}};

/// Takes a decimal number off the front.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  if (text == "0") {
    return Duration(0);
  }
  std::int64_t total = 0;
  std::size_t next_unit = 0;
  if (text.empty()) {
    return std::nullopt;
  }
  while (!text.empty()) {
    const auto number = take_number(text);
    if (!number || *number > static_cast<std::uint64_t>(kLongest)) {
      return std::nullopt;
    }
    const std::string_view unit = text.substr(0, text.find_first_of("0123456789"));
    while (next_unit < kTimeUnits.size() && kTimeUnits.at(next_unit).name != unit) {
      ++next_unit;
    }
    if (next_unit == kTimeUnits.size()) {
      return std::nullopt;
    }
    const std::int64_t scale = kTimeUnits.at(next_unit).millis;
    const auto count = static_cast<std::int64_t>(*number);
    if (count > (kLongest - total) / scale) {
      return std::nullopt;
    }
    total += count * scale;
    text.remove_prefix(unit.size());
    ++next_unit;
  }
  return Duration(total);
}

std::string format_duration(Duration duration) {
  std::int64_t rest = duration.count();
  if (rest == 0) {
    return "0s";
  }
  std::string text;
  if (rest < 0) {
    text = "-";
    rest = -rest;
  }
  for (const TimeUnit& unit : kTimeUnits) {
    if (rest >= unit.millis) {
      text += std::to_string(rest / unit.millis);
      text += unit.name;
      rest %= unit.millis;
    }
  }
  return text;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto number = take_number(text);
  if (!number) {
    return std::nullopt;
  }
  for (const SizeUnit& unit : kSizeUnits) {
    if (unit.name == text) {
      if (*number > std::numeric_limits<std::uint64_t>::max() / 2 / unit.bytes) {
        return std::nullopt;
      }
      return *number * unit.bytes;
    }
  }
  return std::nullopt;
}

std::string format_size(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 4> kBinary{"TiB", "GiB", "MiB", "KiB"};
  std::uint64_t scale = 1ULL << 40;
  for (const std::string_view unit : kBinary) {
    if (bytes >= scale && bytes % scale == 0) {
      return std::to_string(bytes / scale) + std::string(unit);
    }
    scale >>= 10;
  }
  return std::to_string(bytes);
}

std::optional<Rate> parse_rate(std::string_view text) {
  if (text == "0" || text == "off") {
    return Rate{};
  }
  const auto number = take_number(text);
  if (!number || *number == 0 || *number > 1'000'000'000) {
    return std::nullopt;
  }
  if (text == "/s") {
    return Rate{*number, 1s};
  }
  if (text == "/min") {
    return Rate{*number, 1min};
  }
  if (text == "/h") {
    return Rate{*number, 1h};
  }
  return std::nullopt;
}

std::string format_rate(const Rate& rate) {
  if (rate.count == 0) {
    return "off";
  }
  const std::string_view unit = rate.per == 1s ? "/s" : rate.per == 1h ? "/h" : "/min";
  return std::to_string(rate.count) + std::string(unit);
}

}  // namespace freshet
