#include "config/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace freshet::config {
namespace {

std::string without_control_characters(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += c;
    }
  }
  return result;
}

}  // namespace

std::string to_text(const Diagnostic& diagnostic) {
  std::string text = diagnostic.file;
  if (diagnostic.line != 0) {
    text += fmt::format(":{}:{}", diagnostic.line, diagnostic.column);
  }
  text += diagnostic.severity == Severity::error ? ": error: " : ": warning: ";
  if (!diagnostic.key.empty()) {
    text += diagnostic.key + ": ";
  }
  return without_control_characters(text + diagnostic.message);
}

void Problems::add(Severity severity, Position at, std::string key, std::string message) {
  has_errors_ = has_errors_ || severity == Severity::error;
  found_.push_back(
      {severity, file_, at.line, at.column, std::move(key), std::move(message), at.length});
}

std::vector<Diagnostic> Problems::take() {
  std::stable_sort(found_.begin(), found_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  return std::exchange(found_, {});
}

Report Report::below(std::string_view key) const {
  return {*problems_, key_.empty() ? std::string(key) : key_ + "." + std::string(key)};
}

}  // namespace freshet::config
