#include "admin/deliveries.h"

#include <charconv>

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

/// Error config: which parameter is wrong.
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

Result<state::DeliveryQuery> read_query(const http::Request& request) {
  state::DeliveryQuery query;
  FRESHET_TRY(const auto limit, optional_number(request, "limit"));
  query.limit = limit.value_or(query.limit);
  if (query.limit < 1 || query.limit > kMostListed) {
    return fail(ErrorClass::config, "limit: expected a number from 1 to 1000");
  }
  FRESHET_TRY(query.before, optional_number(request, "before"));
  FRESHET_TRY(query.after, optional_number(request, "after"));
  query.repository = request.query_value("repository").value_or("");
  query.forge = request.query_value("forge").value_or("");
  query.verdict = request.query_value("verdict").value_or("");
  return query;
}

http::Response unknown(const std::string& id) {
  return error_response(
      404, "not_found",
      "no delivery " + id + " in the ledger; GET /api/v1/deliveries lists those that are kept");
}

}  // namespace

http::Response Deliveries::unreadable(const Error& error) {
  if (error.error_class == ErrorClass::corrupt || error.error_class == ErrorClass::config) {
    ledger_.suspect();
  }
  return error_response(503, to_string(error.error_class),
                        "the ledger cannot be read now: " + error.message);
}

http::Response Deliveries::list(const http::Request& request) {
  const auto query = read_query(request);
  if (!query) {
    return error_response(400, "invalid", query.error().message);
  }
  auto reader = ledger_.reader();
  const auto rows = reader
                        ? reader->deliveries(*query)
                        : Result<std::vector<state::DeliveryRow>>(fail(std::move(reader).error()));
  if (!rows) {
    return unreadable(rows.error());
  }
  Json deliveries = Json::array();
  for (const state::DeliveryRow& row : *rows) {
    deliveries.push(view(row));
  }
  return json_response(200, Json::object({{"deliveries", std::move(deliveries)}}));
}

http::Response Deliveries::show(const std::string& id) {
  auto reader = ledger_.reader();
  if (!reader) {
    return unreadable(reader.error());
  }
  const auto row = reader->delivery(id);
  if (!row) {
    return unreadable(row.error());
  }
  return *row ? json_response(200, view(**row)) : unknown(id);
}

http::Response Deliveries::replay(const std::string& id) {
  auto reader = ledger_.reader();
  if (!reader) {
    return unreadable(reader.error());
  }
  const auto row = reader->delivery(id);
  if (!row) {
    return unreadable(row.error());
  }
  if (!*row) {
    return unknown(id);
  }
  if (!(*row)->authentic) {
    return error_response(409, "conflict", "delivery " + id + " was not authentic");
  }
  const auto text = reader->content((*row)->number);
  if (!text) {
    return unreadable(text.error());
  }
  const auto content = *text ? Json::parse(**text) : std::nullopt;
  if (!content) {
    return error_response(409, "conflict",
                          "what delivery " + id + " said is not kept; let the forge deliver again");
  }
  const auto answer = replay_(**row, *content);
  if (answer) {
    return json_response(202, *answer);
  }
  const Error& error = answer.error();
  return error.error_class == ErrorClass::config
             ? error_response(409, "conflict", error.message)
             : error_response(503, to_string(error.error_class), error.message);
}

}  // namespace freshet::admin
