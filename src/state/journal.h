#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "model/trigger.h"

namespace freshet::state {

/// Remembers what was announced and answered with 202, so that the promise holds when the process
/// is killed right after the answer: one write(2) before the answer, read again at the next start.
///
/// Format: numbered files `announced.N` in one directory, one JSON object a line:
/// {"id":7,"at":MILLIS,"repository":NAME,"ref":REF,"before":HEX,"after":HEX}, before and after
/// left out when unknown. Empty lines, and a line that a crash cut short, are passed over; a file
/// that cannot be read is left where it is, with a warning. A file
/// goes once a newer one is in use and everything in it is settled, or too old to be read again:
/// what stays open for days, as that of a paused repository, keeps no file. Thread-safe.
class Journal {
 public:
  struct Entry {
    RepositoryName repository;
    Announcement announcement;
  };

  /// Opens the directory, creating it when missing. `announced()` then holds what the last process
  /// left open.
  static Result<std::unique_ptr<Journal>> open(const std::string& directory);

  /// Removes the file when nothing in it is open.
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// What was not settled when the last process ended, oldest first, with journal ids of this
  /// process.
  const std::vector<Entry>& announced() const { return announced_; }

  /// Writes the announcements of a trigger and gives them their journal ids. On failure nothing may
  /// be promised; what was written counts as settled.
  Result<void> append(const RepositoryName& repository, std::vector<Announcement>& announcements)
      EXCLUDES(mutex_);

  void settle(const std::vector<std::uint64_t>& ids) EXCLUDES(mutex_);

 private:
  struct Segment {
    std::string path;
    // Guarded by the journal's mutex:
    std::shared_ptr<const UniqueFd> fd;  ///< nullptr once sealed; who still writes holds it
    std::uint64_t bytes = 0;
    std::set<std::uint64_t> open;
    WallTime newest{};  ///< of what was announced in it
  };

  explicit Journal(std::string directory) : directory_(std::move(directory)) {}
  Result<void> read_left_over();
  void take_lines(std::string_view text);
  Result<std::shared_ptr<Segment>> create_segment(std::uint64_t number) const;
  Result<void> rotate() EXCLUDES(mutex_);

  const std::string directory_;
  std::vector<Entry> announced_;  ///< constant after open()

  Mutex mutex_;
  std::shared_ptr<Segment> current_ GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<Segment>> sealed_ GUARDED_BY(mutex_);
  std::map<std::uint64_t, std::shared_ptr<Segment>> segment_of_ GUARDED_BY(mutex_);
  std::uint64_t last_id_ GUARDED_BY(mutex_) = 0;
  std::uint64_t last_number_ GUARDED_BY(mutex_) = 0;
  bool rotating_ GUARDED_BY(mutex_) = false;
};

}  // namespace freshet::state
