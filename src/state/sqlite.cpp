#include "state/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/unique_fd.h"

namespace freshet::state {
namespace {

ErrorClass class_of(int code) {
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorClass::corrupt;
    case SQLITE_FULL:
      return ErrorClass::no_space;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return ErrorClass::conflict;
    case SQLITE_INTERRUPT:
      return ErrorClass::timeout;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_NOMEM:
      return ErrorClass::config;
    default:
      return ErrorClass::internal;
  }
}

Error error_of(sqlite3* database, int code) {
  return {class_of(code), database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code),
          std::nullopt};
}

int is_over(void* deadline) {
  return now() >= *static_cast<const Instant*>(deadline) ? 1 : 0;
}

/// Who sent what is nobody else's business. SQLite gives new files beside it the same mode.
Result<void> make_private(const std::string& path) {
  const UniqueFd made(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC, 0600));
  if (!made && errno != EEXIST) {
    return fail(system_error(errno, "cannot make " + path));
  }
  for (const char* suffix : {"", "-wal", "-shm"}) {
    // What an earlier version made. That of somebody else stays as it is.
    static_cast<void>(::chmod((path + suffix).c_str(), 0600));
  }
  return {};
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

Statement::Statement(sqlite3_stmt* statement, sqlite3* database)
    : statement_(statement), database_(database) {}

Statement& Statement::bind(int parameter, std::int64_t value) {
  bind_result_ |= sqlite3_bind_int64(statement_.get(), parameter, value);
  return *this;
}

Statement& Statement::bind(int parameter, std::string_view value) {
  // An empty view may have no address, which SQLite would take for NULL.
  bind_result_ |=
      sqlite3_bind_text64(statement_.get(), parameter, value.empty() ? "" : value.data(),
                          value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);  // NOLINT: its own cast
  return *this;
}

Statement& Statement::bind(int parameter, std::nullptr_t) {
  bind_result_ |= sqlite3_bind_null(statement_.get(), parameter);
  return *this;
}

Result<bool> Statement::failed() {
  // Its code stands behind reset as well, more exactly than step says it.
  const int code = sqlite3_reset(statement_.get());
  return fail(error_of(database_, code));
}

Result<bool> Statement::step() {
  if (std::exchange(bind_result_, SQLITE_OK) != SQLITE_OK) {
    sqlite3_reset(statement_.get());
    return fail(ErrorClass::internal, "a value could not be bound to a statement");
  }
  switch (sqlite3_step(statement_.get())) {
    case SQLITE_ROW:
      return true;
    case SQLITE_DONE:
      sqlite3_reset(statement_.get());
      return false;
    default:
      return failed();
  }
}

Result<void> Statement::run() {
  for (;;) {
    FRESHET_TRY(const bool more, step());
    if (!more) {
      return {};
    }
  }
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return text != nullptr ? std::string(text, text + size) : std::string();
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::optional<WallTime> Statement::optional_time(int column) const {
  return is_null(column) ? std::nullopt : std::optional(time(column));
}

void Database::Close::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}

// An existing database is never opened and closed here: that would take away the locks that SQLite
// holds on it in this process.
Result<bool> Database::is_there(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return errno == ENOENT ? Result<bool>(false)
                           : Result<bool>(fail(system_error(errno, "cannot look at " + path)));
  }
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorClass::config, "something that is no regular file stands in its place");
  }
  return true;
}

Result<Database> Database::open(const std::string& path, int flags) {
  sqlite3* opened = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &opened, flags | SQLITE_OPEN_NOMUTEX, /*zVfs=*/nullptr);
  Handle handle(opened);
  if (code != SQLITE_OK) {
    return fail(error_of(opened, code));
  }
  sqlite3_extended_result_codes(opened, 1);
  return Database(std::move(handle));
}

Result<Database> Database::open_for_writing(const std::string& path, Duration patience) {
  FRESHET_CHECK(is_there(path));
  FRESHET_CHECK(make_private(path));
  FRESHET_TRY(Database database, open(path, SQLITE_OPEN_READWRITE));
  sqlite3_busy_timeout(database.handle_.get(), static_cast<int>(patience.count()));
  return database;
}

Result<Database> Database::open_for_reading(const std::string& path, Duration limit) {
  FRESHET_CHECK(is_there(path));
  FRESHET_TRY(Database database, open(path, SQLITE_OPEN_READONLY));
  constexpr int kInstructions = 10'000;  // between two looks at the clock
  database.deadline_ = std::make_unique<Instant>(now() + limit);
  sqlite3_busy_timeout(database.handle_.get(), static_cast<int>(limit.count()));
  sqlite3_progress_handler(database.handle_.get(), kInstructions, is_over,
                           database.deadline_.get());
  return database;
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                      &statement, nullptr);
  if (code != SQLITE_OK) {
    return fail(error_of(handle_.get(), code));
  }
  return Statement(statement, handle_.get());
}

Result<void> Database::run(const std::string& sql) {
  const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    return fail(error_of(handle_.get(), code));
  }
  return {};
}

Result<std::int64_t> Database::integer(std::string_view sql) {
  FRESHET_TRY(Statement statement, prepare(sql));
  FRESHET_TRY(const bool there, statement.step());
  return there ? statement.integer(0) : 0;
}

std::int64_t Database::last_row() const {
  return sqlite3_last_insert_rowid(handle_.get());
}

std::int64_t Database::changed_rows() const {
  return sqlite3_changes64(handle_.get());
}

Result<Transaction> Transaction::begin(Database& database) {
  FRESHET_CHECK(database.run("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Result<void> Transaction::commit() {
  FRESHET_CHECK(database_->run("COMMIT"));
  database_ = nullptr;
  return {};
}

Transaction::~Transaction() {
  if (database_ != nullptr) {
    // Fails where SQLite has rolled back by itself, which is as good.
    static_cast<void>(database_->run("ROLLBACK"));
  }
}

}  // namespace freshet::state
