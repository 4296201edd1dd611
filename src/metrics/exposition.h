#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace freshet::metrics {

/// Label names and values of one sample.
using Labels = std::vector<std::pair<std::string_view, std::string>>;

/// Writes Prometheus text, format 0.0.4. All samples of one family come together, behind its HELP
/// and TYPE lines.
class Exposition {
 public:
  /// Every name begins with the prefix.
  explicit Exposition(std::string_view prefix = "freshet_") : prefix_(prefix) {}

  void family(std::string_view name, std::string_view type, std::string_view help);
  void sample(std::string_view name, const Labels& labels, double value);
  std::string take() { return std::move(text_); }

 private:
  const std::string_view prefix_;
  std::string text_;
};

/// How many observations fell below each of a few bounds, in seconds. A value.
class Histogram {
 public:
  void observe(double seconds);
  void write(Exposition& out, std::string_view name, std::string_view help) const;

 private:
  static constexpr std::array kBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,  0.25,
                                      0.5,   1.0,    2.5,   5.0,  10.0,  30.0, 60.0, 300.0};
  std::array<std::uint64_t, kBounds.size() + 1> counts_{};
  double sum_ = 0;
};

}  // namespace freshet::metrics
