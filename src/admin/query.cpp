#include "admin/query.h"

#include <charconv>
#include <string>

#include "admin/views.h"

namespace freshet::admin {
namespace {

constexpr std::int64_t kMostListed = 1000;

std::optional<std::int64_t> read_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = !text.empty() && error == std::errc() && end == text.data() + text.size();
  return whole && number >= 0 ? std::optional(number) : std::nullopt;
}

}  // namespace

Result<std::optional<std::int64_t>> optional_number(const http::Request& request,
                                                    std::string_view name) {
  const auto text = request.query_value(name);
  if (!text) {
    return std::nullopt;
  }
  const auto number = read_number(*text);
  if (!number) {
    return fail(ErrorClass::config, std::string(name) + ": expected a number");
  }
  return number;
}

Result<std::int64_t> limit_of(const http::Request& request, std::int64_t otherwise) {
  FRESHET_TRY(const auto limit, optional_number(request, "limit"));
  const std::int64_t number = limit.value_or(otherwise);
  if (number < 1 || number > kMostListed) {
    return fail(ErrorClass::config, "limit: expected a number from 1 to 1000");
  }
  return number;
}

http::Response unreadable_ledger(state::Ledger& ledger, const Error& error) {
  if (error.error_class == ErrorClass::corrupt || error.error_class == ErrorClass::config) {
    ledger.suspect();
  }
  return error_response(503, to_string(error.error_class),
                        "the ledger cannot be read now: " + error.message);
}

}  // namespace freshet::admin
