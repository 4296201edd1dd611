#include "state/ledger_reader.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "state/announce_to_publish.h"

namespace freshet::state {
namespace {

constexpr Duration kLimit{2000};
/// Of a forge's id; what is longer was cut when it came.
constexpr std::size_t kLongestId = 128;
/// ?1 is a beginning; ids are printable ASCII.
constexpr const char* kBeginsSo = "id >= ?1 AND id < ?1 || '\x7f'";

constexpr const char* kColumns =
    "number, run, at, forge, event, id, route, verdict, reason, secret, client, authentic, times,"
    " content IS NOT NULL";

DeliveryRow row_of(const Statement& select) {
  DeliveryRow row;
  row.number = select.integer(0);
  row.at = select.time(2);
  row.forge = select.text(3);
  row.event = select.text(4);
  row.id = select.text(5);
  row.route = select.text(6);
  row.verdict = select.text(7);
  row.reason = select.text(8);
  row.secret = select.text(9);
  row.client = select.text(10);
  row.authentic = select.integer(11) != 0;
  row.times = select.integer(12);
  row.has_content = select.integer(13) != 0;
  return row;
}

std::string sql_of(const DeliveryQuery& query) {
  std::string sql = "SELECT " + std::string(kColumns) + " FROM delivery WHERE 1";
  sql += query.before ? " AND number < ?2" : "";
  sql += query.after ? " AND number > ?3" : "";
  sql += query.repository.empty()
             ? ""
             : " AND number IN (SELECT delivery FROM meant WHERE repository = ?4)";
  sql += query.forge.empty() ? "" : " AND forge = ?5";
  sql += query.verdict.empty() ? "" : " AND verdict = ?6";
  return sql + " ORDER BY number " + (query.after ? "ASC" : "DESC") + " LIMIT ?1";
}

std::optional<std::int64_t> as_number(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

}  // namespace

Result<LedgerReader> LedgerReader::open(const std::string& path) {
  FRESHET_TRY(Database database, Database::open_for_reading(path, kLimit));
  return LedgerReader(std::move(database));
}

Result<std::vector<DeliveryRow>> LedgerReader::deliveries(const DeliveryQuery& query) {
  FRESHET_TRY(Statement select, database_.prepare(sql_of(query)));
  select.bind(1, query.limit);
  if (query.before) {
    select.bind(2, *query.before);
  }
  if (query.after) {
    select.bind(3, *query.after);
  }
  if (!query.repository.empty()) {
    select.bind(4, query.repository);
  }
  if (!query.forge.empty()) {
    select.bind(5, query.forge);
  }
  if (!query.verdict.empty()) {
    select.bind(6, query.verdict);
  }
  std::vector<DeliveryRow> rows;
  for (;;) {
    FRESHET_TRY(const bool more, select.step());
    if (!more) {
      break;
    }
    rows.push_back(row_of(select));
    FRESHET_CHECK(add_repositories(rows.back(), select.integer(1)));
  }
  if (query.after) {
    std::reverse(rows.begin(), rows.end());  // newest first, as always
  }
  return rows;
}

/// The number in the first row, if there is one.
Result<std::optional<std::int64_t>> LedgerReader::first_number(std::string_view condition,
                                                               const std::string& id) {
  FRESHET_TRY(Statement select,
              database_.prepare("SELECT number FROM delivery WHERE " + std::string(condition) +
                                " AND id <> '' ORDER BY authentic DESC, number DESC LIMIT 1"));
  FRESHET_TRY(const bool there, select.bind(1, id).step());
  return there ? std::optional(select.integer(0)) : std::nullopt;
}

/// Anybody can send a delivery with the id of another, or with a number for an id: an authentic one
/// is meant before any other, and the ledger's own number by a number.
Result<std::optional<std::int64_t>> LedgerReader::number_of(const std::string& id) {
  if (const auto number = as_number(id)) {
    FRESHET_TRY(Statement by_number,
                database_.prepare("SELECT number FROM delivery WHERE number = ?1"));
    FRESHET_TRY(const bool there, by_number.bind(1, *number).step());
    if (there) {
      return number;
    }
  }
  FRESHET_TRY(const auto by_id, first_number("id = ?1", id.substr(0, kLongestId)));
  if (by_id || id.size() < kShortestBeginning) {
    return by_id;
  }
  FRESHET_TRY(const bool several, several_begin_with(id));
  return several ? std::nullopt : first_number(kBeginsSo, id);
}

Result<bool> LedgerReader::several_begin_with(const std::string& id) {
  if (id.size() < kShortestBeginning) {
    return false;
  }
  // Those of the refused count only among themselves: anybody can send them.
  FRESHET_TRY(
      Statement select,
      database_.prepare("SELECT count(DISTINCT id) FROM delivery WHERE " + std::string(kBeginsSo) +
                        " AND id <> '' GROUP BY authentic ORDER BY authentic DESC"));
  FRESHET_TRY(const bool there, select.bind(1, id).step());
  return there && select.integer(0) > 1;
}

Result<std::optional<DeliveryRow>> LedgerReader::delivery(const std::string& id) {
  FRESHET_TRY(const auto number, number_of(id));
  if (!number) {
    return std::nullopt;
  }
  FRESHET_TRY(Statement select, database_.prepare("SELECT " + std::string(kColumns) +
                                                  " FROM delivery WHERE number = ?1"));
  FRESHET_TRY(const bool there, select.bind(1, *number).step());
  if (!there) {
    return std::nullopt;
  }
  DeliveryRow row = row_of(select);
  FRESHET_CHECK(add_repositories(row, select.integer(1)));
  return std::optional(std::move(row));
}

Result<std::optional<std::string>> LedgerReader::content(std::int64_t number) {
  FRESHET_TRY(Statement select,
              database_.prepare("SELECT content FROM delivery WHERE number = ?1"));
  FRESHET_TRY(const bool there, select.bind(1, number).step());
  return there && !select.is_null(0) ? std::optional(select.text(0)) : std::nullopt;
}

Result<std::vector<RefreshRow>> LedgerReader::refreshes(const RefreshQuery& query) {
  FRESHET_TRY(
      Statement select,
      database_.prepare("SELECT number, cause, result, error_class, error, lagging, started,"
                        " ended, published_at, times FROM refresh"
                        " WHERE repository = ?1 AND number < ?2"
                        // In the order of the index that finds them: that of the numbers.
                        " ORDER BY run DESC, ticket DESC, number DESC LIMIT ?3"));
  select.bind(1, query.repository)
      .bind(2, query.before.value_or(std::numeric_limits<std::int64_t>::max()))
      .bind(3, query.limit);
  std::vector<RefreshRow> rows;
  for (;;) {
    FRESHET_TRY(const bool more, select.step());
    if (!more) {
      return rows;
    }
    RefreshRow row;
    row.number = select.integer(0);
    row.cause = select.text(1);
    row.result = select.text(2);
    if (!select.is_null(3)) {
      row.error_class = select.text(3);
      row.error = select.text(4);
    }
    row.lagging = select.integer(5) != 0;
    row.started = select.time(6);
    row.ended = select.time(7);
    row.published_at = select.optional_time(8);
    row.times = select.integer(9);
    rows.push_back(std::move(row));
  }
}

Result<void> LedgerReader::add_repositories(DeliveryRow& row, std::int64_t run) {
  FRESHET_TRY(Statement select,
              database_.prepare("SELECT repository, ticket FROM meant WHERE delivery = ?1"
                                " ORDER BY repository"));
  select.bind(1, row.number);
  for (;;) {
    FRESHET_TRY(const bool more, select.step());
    if (!more) {
      return {};
    }
    row.repositories.push_back(select.text(0));
    if (!select.is_null(1)) {
      FRESHET_TRY(auto refresh, refresh_of(select.text(0), run, select.integer(1), row.at));
      row.refreshes.push_back(std::move(refresh));
    }
  }
}

/// Tickets count anew in each run, and a start refreshes everything: any refresh of a later run
/// covers the delivery as well. The first success counts, that of giving up a wait for the upstream
/// among them; before one, the last failure.
Result<DeliveredRefresh> LedgerReader::refresh_of(const std::string& repository, std::int64_t run,
                                                  std::int64_t ticket, WallTime announced) {
  DeliveredRefresh refresh{repository, "waiting", {}, {}, {}, {}, {}};
  const std::string covering =
      "SELECT result, error_class, error, started, ended, published_at FROM refresh"
      " WHERE repository = ?1 AND (run, ticket) >= (?2, ?3) AND ";
  for (const char* which : {"result <> 'failed' AND lagging = 0 ORDER BY run, ticket LIMIT 1",
                            "result = 'failed' ORDER BY run DESC, ticket DESC LIMIT 1"}) {
    FRESHET_TRY(Statement select, database_.prepare(covering + which));
    select.bind(1, repository).bind(2, run).bind(3, ticket);
    FRESHET_TRY(const bool there, select.step());
    if (!there) {
      continue;
    }
    refresh.result = select.text(0);
    if (!select.is_null(1)) {
      refresh.error_class = select.text(1);
      refresh.error = select.text(2);
    }
    refresh.started = select.optional_time(3);
    refresh.ended = select.optional_time(4);
    if (const auto published = select.optional_time(5);
        published && *published + kFileClockTick >= announced) {
      refresh.announce_to_publish = std::max(Seconds(0), Seconds(*published - announced)).count();
    }
    break;
  }
  return refresh;
}

}  // namespace freshet::state
