#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "state/ledger_entry.h"
#include "state/sqlite.h"

namespace freshet::state {

/// What is remembered of names for good: kind and name -> when.
using LastTimes = std::map<std::pair<std::string, std::string>, WallTime>;
inline constexpr const char* kSecretUsed = "secret";     ///< by the location of its file
inline constexpr const char* kDelivered = "repository";  ///< a delivery triggered its refresh

/// The ledger's file as its one writer sees it. One thread at a time.
class LedgerFile {
 public:
  /// Opens the file, or makes it, and begins a run: tickets count anew in each process. `run`: the
  /// one of this process, if it has one already. Errors as of Database; protocol: a newer freshet
  /// made it.
  static Result<LedgerFile> open(const std::string& path, std::optional<std::int64_t> run,
                                 WallTime now);

  std::int64_t run() const { return run_; }
  Result<LastTimes> last_times();

  /// In one transaction: all of it or, with an error, nothing.
  Result<void> write(const std::vector<LedgerEntry>& batch, std::size_t most_content);
  /// Removes what the limits say, oldest first, and gives the room back; at most some thousand rows
  /// a call. For room, refused deliveries go before all others. True: there may be more to remove.
  Result<bool> prune(const LedgerLimits& limits, WallTime now);
  /// Reads all of it. Error corrupt: it is damaged.
  Result<void> check();

 private:
  /// The last row of a repository, when it says that a refresh failed.
  struct LastFailure {
    std::int64_t row = 0;
    Error error;
  };

  LedgerFile(Database database, std::int64_t run) : database_(std::move(database)), run_(run) {}
  Result<void> write_all(const std::vector<LedgerEntry>& batch, std::size_t most_content);
  Result<void> write(Statement& delivery, Statement& meant, const DeliveryEntry& entry,
                     std::size_t most_content);
  Result<void> write(Statement& insert, Statement& again, const RefreshEntry& entry);
  Result<void> write(const LastTimes& times);
  Result<std::int64_t> remove(const char* sql, std::int64_t limit, std::int64_t most);
  Result<std::int64_t> make_room(std::int64_t bytes);

  Database database_;
  std::int64_t run_;
  std::map<RepositoryName, LastFailure> failures_;
};

/// Puts a damaged ledger where somebody can look at it, in place of an earlier one.
Result<std::string> set_aside(const std::string& path, WallTime now);

}  // namespace freshet::state
