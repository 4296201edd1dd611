#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "state/ledger_entry.h"
#include "state/ledger_file.h"
#include "state/ledger_reader.h"

namespace freshet::state {

/// What became of every delivery and every refresh, for people: in a SQLite file, so that it
/// outlives the process. Recording only puts a row into a queue; one thread writes the queue in
/// batches. A ledger that cannot be written stops nobody: its rows wait as far as the queue has
/// room, then the oldest are lost and counted, and it goes on by itself once it can. A damaged file
/// is set aside and a new one begun. A kill loses at most the last batch. Thread-safe.
class Ledger {
 public:
  /// Opens the file. What is wrong with it is logged, and tried again later.
  explicit Ledger(std::string path, const LedgerLimits& limits = {});
  ~Ledger();  ///< writes what is still queued, if it can
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // Quick; never waits for the disk.
  void record(DeliveryEntry entry) EXCLUDES(mutex_);
  void record(const Outcome& outcome) EXCLUDES(mutex_);

  /// When a delivery was last signed with this secret file, over restarts.
  std::optional<WallTime> last_use(const std::string& location) const EXCLUDES(mutex_);
  /// When a delivery last triggered a refresh of the repository, over restarts.
  std::optional<WallTime> last_delivery(const RepositoryName& name) const EXCLUDES(mutex_);

  /// What is written is at most a fraction of a second behind.
  Result<LedgerReader> reader() const;
  /// To be told when a reader found the file damaged or gone: it is looked at soon.
  void suspect() EXCLUDES(mutex_);

  std::uint64_t rows_lost() const EXCLUDES(mutex_);

  /// Entries that may wait to be written.
  static constexpr std::size_t kQueue = 20'000;

 private:
  enum class Access { open, closed, never };  ///< never: until the next start

  void push(LedgerEntry entry) REQUIRES(mutex_);
  void push_unlisted() REQUIRES(mutex_);
  void run() EXCLUDES(mutex_);
  bool wait_for_work() EXCLUDES(mutex_);
  void open() EXCLUDES(mutex_);
  void write_batch() EXCLUDES(mutex_);
  void take_batch() EXCLUDES(mutex_);
  void take_care() EXCLUDES(mutex_);
  void failed(const Error& error) EXCLUDES(mutex_);

  const std::string path_;
  const LedgerLimits limits_;

  // Of the writer's thread alone, once it runs.
  std::optional<LedgerFile> file_;
  std::optional<std::int64_t> run_;
  std::vector<LedgerEntry> batch_;  ///< being written; stays until it is
  std::string problem_;             ///< the last one logged; empty: none
  Instant try_again_{};
  Instant next_care_{};

  mutable Mutex mutex_;
  freshet::Condition work_or_stop_;  ///< not the condition of a repository
  Access access_ GUARDED_BY(mutex_) = Access::closed;
  std::deque<LedgerEntry> queue_ GUARDED_BY(mutex_);
  RefusalGate refusals_ GUARDED_BY(mutex_);
  LastTimes last_ GUARDED_BY(mutex_);
  std::uint64_t lost_ GUARDED_BY(mutex_) = 0;
  bool suspect_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;

  std::thread writer_;
};

}  // namespace freshet::state
