#include "state/ledger.h"

#include <algorithm>
#include <iterator>

#include "base/files.h"
#include "base/log.h"

namespace freshet::state {
namespace {

constexpr std::size_t kBatch = 1000;
constexpr Duration kGather{200};           ///< how long a row may wait for others
constexpr std::chrono::seconds kRetry{2};  ///< after the file could not be written
constexpr std::chrono::seconds kCare{60};  ///< between two prunings
constexpr int kMostPrunes = 50;            ///< in one go

/// Whether the same rows may be written later; otherwise they themselves are what is wrong.
bool may_mend_itself(ErrorClass error_class) {
  return error_class != ErrorClass::internal;
}

DeliveryEntry unlisted_refusals(std::int64_t count, WallTime at) {
  DeliveryEntry entry;
  entry.at = at;
  entry.verdict = "unauthorized";
  entry.reason = std::to_string(count) + " more were refused and are not listed one by one";
  entry.times = count;
  return entry;
}

}  // namespace

Ledger::Ledger(std::string path, const LedgerLimits& limits)
    : path_(std::move(path)), limits_(limits), next_care_(now() + kCare) {
  open();
  writer_ = std::thread([this] { run(); });
}

Ledger::~Ledger() {
  {
    const MutexLock lock(mutex_);
    push_unlisted();
    stopping_ = true;
  }
  work_or_stop_.notify_all();
  writer_.join();
}

void Ledger::record(DeliveryEntry entry) {
  const MutexLock lock(mutex_);
  if (!entry.authentic && !refusals_.admits(now())) {
    return;
  }
  if (entry.authentic && !entry.secret.empty()) {
    last_[{kSecretUsed, entry.secret}] = entry.at;
  }
  for (const DeliveryEntry::Refreshed& refreshed : entry.refreshed) {
    last_[{kDelivered, refreshed.repository.text()}] = entry.at;
  }
  push(std::move(entry));
}

void Ledger::record(const Outcome& outcome) {
  if (auto entry = entry_of(outcome)) {
    const MutexLock lock(mutex_);
    push(std::move(*entry));
  }
}

void Ledger::push(LedgerEntry entry) {
  if (access_ == Access::never) {
    ++lost_;
    return;
  }
  if (queue_.size() >= kQueue) {
    queue_.pop_front();
    ++lost_;
  }
  queue_.push_back(std::move(entry));
  if (queue_.size() == 1 || queue_.size() == kBatch) {
    work_or_stop_.notify_one();
  }
}

void Ledger::push_unlisted() {
  if (const std::int64_t unlisted = refusals_.take_unlisted(); unlisted > 0) {
    push(unlisted_refusals(unlisted, wall_now()));
  }
}

std::optional<WallTime> Ledger::last_use(const std::string& location) const {
  const MutexLock lock(mutex_);
  const auto position = last_.find({kSecretUsed, location});
  return position != last_.end() ? std::optional(position->second) : std::nullopt;
}

std::optional<WallTime> Ledger::last_delivery(const RepositoryName& name) const {
  const MutexLock lock(mutex_);
  const auto position = last_.find({kDelivered, name.text()});
  return position != last_.end() ? std::optional(position->second) : std::nullopt;
}

Result<LedgerReader> Ledger::reader() const {
  return LedgerReader::open(path_);
}

void Ledger::suspect() {
  const MutexLock lock(mutex_);
  suspect_ = true;
  work_or_stop_.notify_one();
}

std::uint64_t Ledger::rows_lost() const {
  const MutexLock lock(mutex_);
  return lost_;
}

void Ledger::run() {
  while (wait_for_work()) {
    if (!file_) {
      open();
    }
    if (file_ && now() >= next_care_) {
      take_care();
    }
    if (file_) {
      take_batch();
      write_batch();
    }
  }
  // What is left when the file cannot be written has nowhere to go.
}

/// False: freshet stops, and nothing is left that could be written.
bool Ledger::wait_for_work() {
  const MutexLock lock(mutex_);
  for (;;) {
    const Instant time = now();
    const bool work = !queue_.empty() || !batch_.empty();
    if (stopping_) {
      return work && file_.has_value();
    }
    if (suspect_) {
      next_care_ = time;
    }
    if (file_ && time >= next_care_) {
      return true;
    }
    if (!file_ && access_ != Access::never && time >= try_again_) {
      return true;
    }
    if (file_ && work) {
      break;
    }
    work_or_stop_.wait_until(mutex_, file_ ? next_care_ : std::max(try_again_, time + kRetry));
  }
  const Instant end = now() + kGather;
  while (!stopping_ && queue_.size() < kBatch && work_or_stop_.wait_until(mutex_, end)) {
  }
  return true;
}

void Ledger::open() {
  auto opened = LedgerFile::open(path_, run_, wall_now());
  if (!opened && opened.error().error_class == ErrorClass::corrupt) {
    failed(opened.error());
    opened = LedgerFile::open(path_, run_, wall_now());
  }
  auto times = opened ? opened->last_times() : Result<LastTimes>(fail(opened.error()));
  if (!times) {
    failed(times.error());
    return;
  }
  file_.emplace(std::move(*opened));
  run_ = file_->run();
  {
    const MutexLock lock(mutex_);
    access_ = Access::open;
    times->merge(last_);  // which may know newer ones
    for (auto& [key, at] : last_) {
      (*times)[key] = std::max((*times)[key], at);
    }
    last_ = std::move(*times);
  }
}

void Ledger::take_batch() {
  const MutexLock lock(mutex_);
  while (batch_.size() < kBatch && !queue_.empty()) {
    batch_.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
}

void Ledger::write_batch() {
  if (batch_.empty()) {
    return;
  }
  const auto written = file_->write(batch_, limits_.content);
  if (written) {
    batch_.clear();
    if (!problem_.empty()) {
      log::info("ledger written again", {{"file", path_}});
      problem_.clear();
    }
    return;
  }
  if (!may_mend_itself(written.error().error_class)) {
    const MutexLock lock(mutex_);
    lost_ += batch_.size();
    batch_.clear();
  }
  failed(written.error());
}

void Ledger::take_care() {
  next_care_ = now() + kCare;
  bool suspect = false;
  {
    const MutexLock lock(mutex_);
    suspect = std::exchange(suspect_, false);
    push_unlisted();
  }
  Result<void> result;
  if (const auto there = Database::is_there(path_); !there) {
    result = fail(there.error());
  } else if (!*there) {
    result = fail(ErrorClass::config, "somebody removed it");
  } else if (suspect) {
    result = file_->check();
  }
  for (int i = 0; result && i < kMostPrunes; ++i) {
    const Result<bool> more = file_->prune(limits_, wall_now());
    if (!more) {
      result = fail(more.error());
    } else if (!*more) {
      break;
    }
  }
  if (!result) {
    failed(result.error());
  }
}

/// The file is closed until the next try, and put aside when it is damaged.
void Ledger::failed(const Error& error) {
  file_.reset();
  try_again_ = now() + kRetry;
  const bool newer = error.error_class == ErrorClass::protocol;
  {
    const MutexLock lock(mutex_);
    access_ = newer ? Access::never : Access::closed;
    if (newer) {
      lost_ += queue_.size() + batch_.size();
      queue_.clear();
      batch_.clear();
    }
  }
  if (newer) {
    log::error("ledger left alone; deliveries are not listed until freshet is as new as it",
               {{"file", path_}, {"error", error.message}});
    return;
  }
  if (error.message != problem_) {
    log::error(
        "ledger not written; deliveries go on, and it is tried again",
        {{"file", path_}, {"class", to_string(error.error_class)}, {"error", error.message}});
    problem_ = error.message;
  }
  if (error.error_class == ErrorClass::corrupt) {
    const auto aside = set_aside(path_, wall_now());
    log::warning("damaged ledger set aside, a new one begins",
                 {{"file", aside ? *aside : aside.error().message}});
    try_again_ = now();
  }
}

}  // namespace freshet::state
