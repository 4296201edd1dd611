#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "state/sqlite.h"

namespace freshet::state {

/// Which deliveries are asked for; empty texts: any.
struct DeliveryQuery {
  std::int64_t limit = 50;
  std::optional<std::int64_t> before = std::nullopt;  ///< numbers below this one
  std::optional<std::int64_t> after =
      std::nullopt;  ///< numbers above this one, the oldest of them first
  std::string repository = {};
  std::string forge = {};
  std::string verdict = {};
};

/// What became of a delivery for one repository whose refresh it triggered.
struct DeliveredRefresh {
  std::string repository;
  std::string result;  ///< "waiting", "updated", "unchanged" or "failed"
  std::optional<std::string> error_class;
  std::optional<std::string> error;
  std::optional<WallTime> started;
  std::optional<WallTime> ended;
  std::optional<double> announce_to_publish;  ///< seconds; nullopt: nothing was published for it
};

struct DeliveryRow {
  std::int64_t number = 0;  ///< in the ledger
  WallTime at{};
  std::string forge;
  std::string event;
  std::string id;
  std::string route;
  std::string verdict;
  std::string reason;
  std::string secret;
  std::string client;
  bool authentic = false;
  std::int64_t times = 1;
  bool has_content = false;
  std::vector<std::string> repositories;
  std::vector<DeliveredRefresh> refreshes;
};

/// Which refreshes are asked for.
struct RefreshQuery {
  std::string repository;
  std::int64_t limit = 50;
  std::optional<std::int64_t> before = std::nullopt;  ///< numbers below this one
};

/// A refresh that did or found something, or several in a row that failed alike.
struct RefreshRow {
  std::int64_t number = 0;  ///< in the ledger
  std::string cause;
  std::string result;
  std::optional<std::string> error_class;
  std::string error;
  bool lagging = false;
  WallTime started{};
  WallTime ended{};
  std::optional<WallTime> published_at;
  std::int64_t times = 1;
};

/// Reads the ledger beside its writer, which is not kept waiting. One thread; to be made for each
/// question and dropped: everything has to be answered within two seconds. Errors as of Database.
class LedgerReader {
 public:
  static constexpr std::size_t kShortestBeginning = 8;  ///< of an id, in bytes

  static Result<LedgerReader> open(const std::string& path);

  Result<std::vector<DeliveryRow>> deliveries(const DeliveryQuery& query);
  /// By the number in the ledger, the forge's id, or the beginning (8 characters at least) of an
  /// id; where several have it, the latest authentic one before any other. nullopt: none, or
  /// several ids begin so.
  Result<std::optional<DeliveryRow>> delivery(const std::string& id);
  /// Whether several ids begin like that, those of authentic deliveries if there are any.
  Result<bool> several_begin_with(const std::string& id);
  /// Newest first.
  Result<std::vector<RefreshRow>> refreshes(const RefreshQuery& query);
  /// What a delivery said, as JSON; nullopt: it was not kept.
  Result<std::optional<std::string>> content(std::int64_t number);

 private:
  explicit LedgerReader(Database database) : database_(std::move(database)) {}
  Result<std::optional<std::int64_t>> first_number(std::string_view condition,
                                                   const std::string& id);
  Result<std::optional<std::int64_t>> number_of(const std::string& id);
  Result<void> add_repositories(DeliveryRow& row, std::int64_t run);
  Result<DeliveredRefresh> refresh_of(const std::string& repository, std::int64_t run,
                                      std::int64_t ticket, WallTime announced);

  Database database_;
};

}  // namespace freshet::state
