#include "metrics/exposition.h"

#include <fmt/format.h>

#include <cmath>

namespace freshet::metrics {
namespace {

std::string escaped(std::string_view value) {
  std::string result;
  for (const char c : value) {
    if (c == '\\' || c == '"') {
      result += '\\';
    }
    if (c == '\n') {
      result += "\\n";
    } else {
      result += c;
    }
  }
  return result;
}

std::string number(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) {
    return fmt::format("{:.0f}", value);
  }
  return fmt::format("{}", value);
}

}  // namespace

void Exposition::family(std::string_view name, std::string_view type, std::string_view help) {
  text_ += fmt::format("# HELP {0}{1} {2}\n# TYPE {0}{1} {3}\n", prefix_, name, help, type);
}

void Exposition::sample(std::string_view name, const Labels& labels, double value) {
  text_ += prefix_;
  text_ += name;
  char separator = '{';
  for (const auto& [label, text] : labels) {
    text_ += fmt::format("{}{}=\"{}\"", separator, label, escaped(text));
    separator = ',';
  }
  text_ += labels.empty() ? " " : "} ";
  text_ += number(value) + "\n";
}

void Histogram::observe(double seconds) {
  std::size_t bucket = 0;
  while (bucket < kBounds.size() && seconds > kBounds.at(bucket)) {
    ++bucket;
  }
  ++counts_.at(bucket);
  sum_ += seconds;
}

void Histogram::write(Exposition& out, std::string_view name, std::string_view help) const {
  out.family(name, "histogram", help);
  const std::string bucket = std::string(name) + "_bucket";
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < kBounds.size(); ++i) {
    total += counts_.at(i);
    out.sample(bucket, {{"le", fmt::format("{}", kBounds.at(i))}}, static_cast<double>(total));
  }
  total += counts_.back();
  out.sample(bucket, {{"le", "+Inf"}}, static_cast<double>(total));
  out.sample(std::string(name) + "_sum", {}, sum_);
  out.sample(std::string(name) + "_count", {}, static_cast<double>(total));
}

}  // namespace freshet::metrics
