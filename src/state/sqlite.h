#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace freshet::state {

/// A prepared SQL statement. Parameters and columns are counted as SQLite does: parameters from 1,
/// columns from 0. One thread at a time; must not outlive its Database.
class Statement {
 public:
  Statement& bind(int parameter, std::int64_t value);
  Statement& bind(int parameter, std::string_view value);
  Statement& bind(int parameter, std::nullptr_t);
  Statement& bind(int parameter, WallTime value) { return bind(parameter, to_unix_millis(value)); }
  template <class T>
  Statement& bind(int parameter, const std::optional<T>& value) {
    return value ? bind(parameter, *value) : bind(parameter, nullptr);
  }

  /// True: there is a row to read; false: the end, and the statement can be bound and run again.
  Result<bool> step();
  /// Runs it to its end, for what has no rows.
  Result<void> run();

  std::int64_t integer(int column) const;
  std::string text(int column) const;
  bool is_null(int column) const;
  WallTime time(int column) const { return from_unix_millis(integer(column)); }
  std::optional<WallTime> optional_time(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  Statement(sqlite3_stmt* statement, sqlite3* database);
  Result<bool> failed();

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  sqlite3* database_;
  int bind_result_ = 0;
};

/// One connection to one SQLite file; all of SQLite that freshet uses. One thread at a time.
///
/// Errors: corrupt: the file is damaged or no database; no_space: the disk is full; conflict:
/// somebody else holds it; config: it cannot be opened, read or written, or is no regular file;
/// timeout: the time given to a reader is over; internal: the statement is wrong.
class Database {
 public:
  /// Creates the file when it is missing. It and those that SQLite puts beside it are for its
  /// owner alone.
  static Result<Database> open_for_writing(const std::string& path, Duration patience);
  /// Of a file that exists. Everything that it is asked has to be answered within `limit` of now.
  static Result<Database> open_for_reading(const std::string& path, Duration limit);

  /// Whether the file exists. Error config: something else than a file does, which could keep
  /// whoever opens it waiting for ever.
  static Result<bool> is_there(const std::string& path);

  Result<Statement> prepare(std::string_view sql);
  /// One or several statements without parameters; rows are passed over.
  Result<void> run(const std::string& sql);
  /// The first column of the first row.
  Result<std::int64_t> integer(std::string_view sql);
  std::int64_t last_row() const;
  std::int64_t changed_rows() const;  ///< by the last statement

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  using Handle = std::unique_ptr<sqlite3, Close>;
  explicit Database(Handle handle) : handle_(std::move(handle)) {}
  static Result<Database> open(const std::string& path, int flags);

  Handle handle_;
  std::unique_ptr<Instant> deadline_;  ///< of a reader; SQLite looks at it
};

/// Undoes what was not committed.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Result<void> commit();
  ~Transaction();
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;  ///< nullptr: over
};

}  // namespace freshet::state
