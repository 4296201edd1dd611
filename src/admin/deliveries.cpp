#include "admin/deliveries.h"

#include <algorithm>

#include "admin/query.h"
#include "admin/views.h"

namespace freshet::admin {
namespace {

/// One of `allowed`; empty: not asked for. Error config: another.
Result<std::string> optional_word(const http::Request& request, std::string_view name,
                                  const std::vector<std::string>& allowed) {
  std::string word(request.query_value(name).value_or(""));
  if (word.empty() || std::find(allowed.begin(), allowed.end(), word) != allowed.end()) {
    return word;
  }
  std::string list;
  for (const std::string& one : allowed) {
    list += (list.empty() ? "" : ", ") + one;
  }
  return fail(ErrorClass::config, std::string(name) + ": expected one of " + list);
}

Result<state::DeliveryQuery> read_query(const http::Request& request,
                                        const Deliveries::Words& words) {
  state::DeliveryQuery query;
  FRESHET_TRY(query.limit, limit_of(request, query.limit));
  FRESHET_TRY(query.before, optional_number(request, "before"));
  FRESHET_TRY(query.after, optional_number(request, "after"));
  query.repository = request.query_value("repository").value_or("");
  FRESHET_TRY(query.forge, optional_word(request, "forge", words.forges));
  FRESHET_TRY(query.verdict, optional_word(request, "verdict", words.verdicts));
  return query;
}

http::Response unknown(state::LedgerReader& reader, const std::string& id) {
  const auto several = reader.several_begin_with(id);
  const std::string why =
      several && *several
          ? "several begin with " + id + "; give more of the id, or the number"
          : "no delivery " + id + " in the ledger; of an id at least the first " +
                std::to_string(state::LedgerReader::kShortestBeginning) + " characters are needed";
  return error_response(404, "not_found", why + "; `freshet deliveries` lists those that are kept");
}

}  // namespace

http::Response Deliveries::unreadable(const Error& error) {
  return unreadable_ledger(ledger_, error);
}

http::Response Deliveries::list(const http::Request& request) {
  const auto query = read_query(request, words_);
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
  return json_response(200, Json::object({{"deliveries", views(*rows)}}));
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
  return *row ? json_response(200, view(**row)) : unknown(*reader, id);
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
    return unknown(*reader, id);
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
  return error.error_class == ErrorClass::config ? error_response(409, "conflict", error.message)
                                                 : unavailable(error);
}

}  // namespace freshet::admin
