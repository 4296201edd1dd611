#include "state/ledger_file.h"

#include <stdio.h>

#include <algorithm>
#include <cerrno>

#include "base/files.h"
#include "state/ledger_schema.h"

namespace freshet::state {
namespace {

constexpr Duration kPatience{1000};
/// Rows that one call of prune() removes for one reason.
constexpr std::int64_t kMostRemoved = 5000;
/// And of those it removes for room, whose sizes differ: 32 MB at most.
constexpr std::int64_t kMostRemovedForRoom = 500;

constexpr const char* kInsertDelivery =
    "INSERT INTO delivery (run, at, forge, event, id, route, verdict, reason, secret, client,"
    " authentic, times, content) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
/// A repository that is both spoken of and refreshed comes twice, with its ticket first.
constexpr const char* kInsertMeant =
    "INSERT OR IGNORE INTO meant (delivery, repository, ticket) VALUES (?1, ?2, ?3)";
constexpr const char* kInsertRefresh =
    "INSERT INTO refresh (run, repository, ticket, cause, result, error_class, error, lagging,"
    " started, ended, published_at, times)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 1)";
constexpr const char* kFailedAgain =
    "UPDATE refresh SET ticket = max(ticket, ?2), ended = ?3, times = times + 1 WHERE number = ?1";

Result<std::int64_t> begin_run(Database& database, std::optional<std::int64_t> run, WallTime now) {
  FRESHET_TRY(Statement insert,
              database.prepare("INSERT OR IGNORE INTO run (number, started) VALUES (?1, ?2)"));
  insert.bind(1, run).bind(2, now);
  FRESHET_CHECK(insert.run());
  return run ? *run : database.last_row();
}

bool same(const Error& a, const Error& b) {
  return a.error_class == b.error_class && a.message == b.message;
}

LastTimes times_of(const std::vector<LedgerEntry>& batch) {
  LastTimes times;
  for (const LedgerEntry& entry : batch) {
    const auto* delivery = std::get_if<DeliveryEntry>(&entry);
    if (delivery == nullptr || !delivery->authentic) {
      continue;
    }
    if (!delivery->secret.empty()) {
      times[{kSecretUsed, delivery->secret}] = delivery->at;
    }
    for (const auto& refreshed : delivery->refreshed) {
      times[{kDelivered, refreshed.repository.text()}] = delivery->at;
    }
  }
  return times;
}

}  // namespace

Result<LedgerFile> LedgerFile::open(const std::string& path, std::optional<std::int64_t> run,
                                    WallTime now) {
  FRESHET_TRY(Database database, Database::open_for_writing(path, kPatience));
  FRESHET_CHECK(prepare_schema(database));
  FRESHET_TRY(const std::int64_t number, begin_run(database, run, now));
  return LedgerFile(std::move(database), number);
}

Result<LastTimes> LedgerFile::last_times() {
  FRESHET_TRY(Statement select, database_.prepare("SELECT kind, name, at FROM last_time"));
  LastTimes times;
  for (;;) {
    FRESHET_TRY(const bool more, select.step());
    if (!more) {
      return times;
    }
    times[{select.text(0), select.text(1)}] = select.time(2);
  }
}

Result<void> LedgerFile::write(const std::vector<LedgerEntry>& batch, std::size_t most_content) {
  auto written = write_all(batch, most_content);
  if (!written) {
    failures_.clear();  // the rows that they speak of may have been undone
  }
  return written;
}

Result<void> LedgerFile::write_all(const std::vector<LedgerEntry>& batch,
                                   std::size_t most_content) {
  FRESHET_TRY(Transaction transaction, Transaction::begin(database_));
  FRESHET_TRY(Statement delivery, database_.prepare(kInsertDelivery));
  FRESHET_TRY(Statement meant, database_.prepare(kInsertMeant));
  FRESHET_TRY(Statement refresh, database_.prepare(kInsertRefresh));
  FRESHET_TRY(Statement again, database_.prepare(kFailedAgain));
  for (const LedgerEntry& entry : batch) {
    if (const auto* delivered = std::get_if<DeliveryEntry>(&entry)) {
      FRESHET_CHECK(write(delivery, meant, *delivered, most_content));
    } else {
      FRESHET_CHECK(write(refresh, again, std::get<RefreshEntry>(entry)));
    }
  }
  FRESHET_CHECK(write(times_of(batch)));
  return transaction.commit();
}

Result<void> LedgerFile::write(Statement& delivery, Statement& meant, const DeliveryEntry& entry,
                               std::size_t most_content) {
  std::optional<std::string> content;
  if (entry.content) {
    content = entry.content();
  }
  if (content && content->size() > most_content) {
    content.reset();
  }
  delivery.bind(1, run_)
      .bind(2, entry.at)
      .bind(3, entry.forge)
      .bind(4, entry.event)
      .bind(5, entry.id)
      .bind(6, entry.route)
      .bind(7, entry.verdict)
      .bind(8, entry.reason)
      .bind(9, entry.secret)
      .bind(10, entry.client)
      .bind(11, std::int64_t{entry.authentic})
      .bind(12, entry.times)
      .bind(13, content);
  FRESHET_CHECK(delivery.run());
  const std::int64_t number = database_.last_row();
  for (const DeliveryEntry::Refreshed& refreshed : entry.refreshed) {
    meant.bind(1, number)
        .bind(2, refreshed.repository.text())
        .bind(3, static_cast<std::int64_t>(refreshed.ticket));
    FRESHET_CHECK(meant.run());
  }
  for (const RepositoryName& repository : entry.repositories) {
    const bool is_there =
        std::any_of(entry.refreshed.begin(), entry.refreshed.end(),
                    [&](const auto& refreshed) { return refreshed.repository == repository; });
    if (!is_there) {
      meant.bind(1, number).bind(2, repository.text()).bind(3, nullptr);
      FRESHET_CHECK(meant.run());
    }
  }
  return {};
}

/// The same failure again and again is one row.
Result<void> LedgerFile::write(Statement& insert, Statement& again, const RefreshEntry& entry) {
  const auto ticket = static_cast<std::int64_t>(entry.ticket);
  const auto last = failures_.find(entry.repository);
  if (last != failures_.end() && entry.error && same(last->second.error, *entry.error)) {
    again.bind(1, last->second.row).bind(2, ticket).bind(3, entry.ended);
    FRESHET_CHECK(again.run());
    if (database_.changed_rows() > 0) {
      return {};
    }
  }
  insert.bind(1, run_)
      .bind(2, entry.repository.text())
      .bind(3, ticket)
      .bind(4, entry.cause)
      .bind(5, entry.result);
  if (entry.error) {
    insert.bind(6, to_string(entry.error->error_class)).bind(7, entry.error->message);
  } else {
    insert.bind(6, nullptr).bind(7, nullptr);
  }
  insert.bind(8, std::int64_t{entry.lagging})
      .bind(9, entry.started)
      .bind(10, entry.ended)
      .bind(11, entry.published_at);
  FRESHET_CHECK(insert.run());
  if (entry.error) {
    failures_[entry.repository] = {database_.last_row(), *entry.error};
  } else {
    failures_.erase(entry.repository);
  }
  return {};
}

Result<void> LedgerFile::write(const LastTimes& times) {
  FRESHET_TRY(Statement set, database_.prepare("INSERT OR REPLACE INTO last_time (kind, name, at)"
                                               " VALUES (?1, ?2, ?3)"));
  for (const auto& [key, at] : times) {
    set.bind(1, key.first).bind(2, key.second).bind(3, at);
    FRESHET_CHECK(set.run());
  }
  return {};
}

Result<std::int64_t> LedgerFile::remove(const char* sql, std::int64_t limit, std::int64_t most) {
  FRESHET_TRY(Statement statement, database_.prepare(sql));
  statement.bind(1, limit).bind(2, most);
  FRESHET_CHECK(statement.run());
  return database_.changed_rows();
}

/// While the file is too large: the refused deliveries go first, which anybody can send; refreshes
/// only when they fill half of the room themselves. Returns how many rows were removed.
Result<std::int64_t> LedgerFile::make_room(std::int64_t bytes) {
  FRESHET_TRY(const std::int64_t page, database_.integer("PRAGMA page_size"));
  FRESHET_TRY(const std::int64_t pages, database_.integer("PRAGMA page_count"));
  FRESHET_TRY(const std::int64_t unused, database_.integer("PRAGMA freelist_count"));
  if ((pages - unused) * page <= bytes) {
    return 0;
  }
  FRESHET_TRY(const std::int64_t refused,
              remove("DELETE FROM delivery WHERE number IN (SELECT number FROM delivery"
                     " WHERE authentic = 0 ORDER BY number LIMIT max(?1, ?2))",
                     0, kMostRemovedForRoom));
  if (refused > 0) {
    return refused;
  }
  // 150: the other columns and the indexes.
  FRESHET_TRY(const std::int64_t refreshes,
              database_.integer("SELECT coalesce(sum(150 + length(repository) +"
                                " length(coalesce(error, ''))), 0) FROM refresh"));
  return remove(refreshes > bytes / 2
                    ? "DELETE FROM refresh WHERE number IN"
                      " (SELECT number FROM refresh ORDER BY number LIMIT max(?1, ?2))"
                    : "DELETE FROM delivery WHERE number IN"
                      " (SELECT number FROM delivery ORDER BY number LIMIT max(?1, ?2))",
                0, kMostRemovedForRoom);
}

Result<bool> LedgerFile::prune(const LedgerLimits& limits, WallTime now) {
  struct Rule {
    const char* sql;  ///< ?1 the limit, ?2 the most rows to remove
    std::int64_t limit;
  };
  const std::int64_t oldest = to_unix_millis(now - limits.age);
  const std::vector<Rule> rules{
      {"DELETE FROM delivery WHERE number IN"
       " (SELECT number FROM delivery WHERE at < ?1 ORDER BY at LIMIT ?2)",
       oldest},
      {"DELETE FROM refresh WHERE number IN"
       " (SELECT number FROM refresh WHERE ended < ?1 ORDER BY ended LIMIT ?2)",
       oldest},
      {"DELETE FROM delivery WHERE number IN (SELECT number FROM delivery WHERE authentic = 1 AND"
       " number <= (SELECT number FROM delivery WHERE authentic = 1 ORDER BY number DESC"
       " LIMIT 1 OFFSET ?1) ORDER BY number LIMIT ?2)",
       limits.deliveries},
      {"DELETE FROM delivery WHERE number IN (SELECT number FROM delivery WHERE authentic = 0 AND"
       " number <= (SELECT number FROM delivery WHERE authentic = 0 ORDER BY number DESC"
       " LIMIT 1 OFFSET ?1) ORDER BY number LIMIT ?2)",
       limits.refusals},
      {"DELETE FROM refresh WHERE number IN (SELECT number FROM refresh WHERE"
       " number <= (SELECT number FROM refresh ORDER BY number DESC LIMIT 1 OFFSET ?1)"
       " ORDER BY number LIMIT ?2)",
       limits.refreshes},
  };
  bool more = false;
  FRESHET_TRY(Transaction transaction, Transaction::begin(database_));
  for (const Rule& rule : rules) {
    FRESHET_TRY(const std::int64_t removed, remove(rule.sql, rule.limit, kMostRemoved));
    more = more || removed >= kMostRemoved;
  }
  FRESHET_TRY(const std::int64_t removed, make_room(limits.bytes));
  more = more || removed > 0;
  FRESHET_CHECK(transaction.commit());
  FRESHET_CHECK(database_.run("PRAGMA incremental_vacuum(4096)"));
  return more;
}

Result<void> LedgerFile::check() {
  FRESHET_TRY(Statement check, database_.prepare("PRAGMA quick_check(1)"));
  FRESHET_TRY(const bool there, check.step());
  if (!there || check.text(0) != "ok") {
    return fail(ErrorClass::corrupt, there ? check.text(0) : "it cannot be checked");
  }
  return {};
}

Result<std::string> set_aside(const std::string& path, WallTime now) {
  const std::string prefix = base_name(path) + ".damaged-";
  FRESHET_TRY(const auto names, list_directory(parent_path(path)));
  for (const std::string& name : names) {
    if (name.starts_with(prefix)) {
      FRESHET_CHECK(remove_tree(parent_path(path) + "/" + name));
    }
  }
  const std::string aside = parent_path(path) + "/" + prefix + to_rfc3339(now);
  for (const char* suffix : {"-wal", "-shm", ""}) {
    if (::rename((path + suffix).c_str(), (aside + suffix).c_str()) != 0 && errno != ENOENT) {
      return fail(system_error(errno, "cannot set " + path + suffix + " aside"));
    }
  }
  return aside;
}

}  // namespace freshet::state
