#include "state/ledger_schema.h"

#include <cstdint>
#include <string>

namespace freshet::state {
namespace {

constexpr std::int64_t kVersion = 1;

constexpr const char* kSchema = R"(
CREATE TABLE run (number INTEGER PRIMARY KEY AUTOINCREMENT, started INTEGER NOT NULL);
CREATE TABLE delivery (
  number INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, at INTEGER NOT NULL,
  forge TEXT NOT NULL, event TEXT NOT NULL, id TEXT NOT NULL, route TEXT NOT NULL,
  verdict TEXT NOT NULL, reason TEXT NOT NULL, secret TEXT NOT NULL, client TEXT NOT NULL,
  authentic INTEGER NOT NULL, times INTEGER NOT NULL, content TEXT);
CREATE INDEX delivery_at ON delivery (at);
CREATE INDEX delivery_id ON delivery (id) WHERE id <> '';
CREATE INDEX delivery_authentic ON delivery (authentic, number);
CREATE TABLE meant (
  delivery INTEGER NOT NULL REFERENCES delivery (number) ON DELETE CASCADE,
  repository TEXT NOT NULL, ticket INTEGER, PRIMARY KEY (delivery, repository)) WITHOUT ROWID;
CREATE INDEX meant_repository ON meant (repository, delivery);
CREATE TABLE refresh (
  number INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, repository TEXT NOT NULL,
  ticket INTEGER NOT NULL, cause TEXT NOT NULL, result TEXT NOT NULL, error_class TEXT,
  error TEXT, lagging INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL,
  published_at INTEGER, times INTEGER NOT NULL);
CREATE INDEX refresh_of ON refresh (repository, run, ticket);
CREATE INDEX refresh_ended ON refresh (ended);
CREATE TABLE last_time (
  kind TEXT NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (kind, name)
) WITHOUT ROWID;
)";

}  // namespace

Result<void> prepare_schema(Database& database) {
  FRESHET_TRY(const std::int64_t version, database.integer("PRAGMA user_version"));
  if (version > kVersion) {
    return fail(ErrorClass::protocol, "a newer freshet made it (version " +
                                          std::to_string(version) + ", known is " +
                                          std::to_string(kVersion) + ")");
  }
  // auto_vacuum only counts while there is no table, journal_mode stays with the file.
  FRESHET_CHECK(database.run("PRAGMA auto_vacuum = INCREMENTAL"));
  FRESHET_CHECK(database.run("PRAGMA journal_mode = WAL"));
  FRESHET_CHECK(
      database.run("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
                   "PRAGMA journal_size_limit = 16777216"));
  if (version == kVersion) {
    return {};
  }
  FRESHET_TRY(Transaction transaction, Transaction::begin(database));
  FRESHET_CHECK(database.run(kSchema));
  FRESHET_CHECK(database.run("PRAGMA user_version = " + std::to_string(kVersion)));
  return transaction.commit();
}

}  // namespace freshet::state
