#include "state/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/files.h"
#include "base/json.h"
#include "base/log.h"

namespace freshet::state {
namespace {

constexpr std::string_view kPrefix = "announced.";
constexpr std::uint64_t kSegmentBytes = 256U << 10U;
/// Every repository is refreshed at start; the journal only matters while an upstream may still be
/// behind its own announcement.
constexpr auto kOldest = std::chrono::minutes(10);

std::string to_line(const RepositoryName& repository, const Announcement& announcement) {
  Json line = Json::object({{"id", announcement.journal_id},
                            {"at", to_unix_millis(announcement.at)},
                            {"repository", repository.text()},
                            {"ref", announcement.ref.text()}});
  if (announcement.before) {
    line.set("before", announcement.before->hex());
  }
  if (announcement.after) {
    line.set("after", announcement.after->hex());
  }
  return line.dump() + "\n";
}

std::optional<Journal::Entry> from_line(std::string_view text) {
  const auto line = Json::parse(text, 4);
  if (!line) {
    return std::nullopt;
  }
  const auto ref = parse_ref((*line)["ref"].text());
  const auto at = (*line)["at"].integer();
  const std::string& repository = (*line)["repository"].text();
  if (!ref || !at || repository.empty()) {
    return std::nullopt;
  }
  Announcement announcement{*ref, ObjectId::parse((*line)["before"].text()),
                            ObjectId::parse((*line)["after"].text()), from_unix_millis(*at), 0};
  return Journal::Entry{RepositoryName(repository), std::move(announcement)};
}

std::string name_of(std::uint64_t number) {
  return std::string(kPrefix) + std::to_string(number);
}

/// nullopt: it is not ours. No journal turns so many pages that the numbers end.
std::optional<std::uint64_t> number_of(std::string_view name) {
  constexpr std::uint64_t kMost = 1'000'000'000'000'000;
  std::uint64_t number = 0;
  if (name.starts_with(kPrefix)) {
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), number);
  }
  return number <= kMost && name_of(number) == name ? std::optional(number) : std::nullopt;
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(const std::string& directory) {
  FRESHET_CHECK(make_directories(directory));
  std::unique_ptr<Journal> journal(new Journal(directory));
  FRESHET_CHECK(journal->read_left_over());
  return journal;
}

Journal::~Journal() {
  const MutexLock lock(mutex_);
  if (current_ && current_->open.empty()) {
    ::unlink(current_->path.c_str());
  }
}

Result<void> Journal::read_left_over() {
  FRESHET_TRY(const auto names, list_directory(directory_));
  std::vector<std::uint64_t> numbers;
  for (const std::string& name : names) {
    if (const auto number = number_of(name)) {
      numbers.push_back(*number);
    }
  }
  std::sort(numbers.begin(), numbers.end());
  std::vector<std::string> read;
  for (const std::uint64_t number : numbers) {
    const std::string path = directory_ + "/" + name_of(number);
    if (const auto text = read_file(path)) {
      read.push_back(path);
      take_lines(*text);
    } else {
      // A start without it is better than none: each repository is refreshed by it.
      log::warning("journal not read", {{"error", text.error().message}});
    }
  }
  // Written anew into one file, so that ids are this process's own.
  const MutexLock lock(mutex_);
  last_number_ = numbers.empty() ? 1 : numbers.back() + 1;
  FRESHET_TRY(current_, create_segment(last_number_));
  std::string lines;
  for (Entry& entry : announced_) {
    entry.announcement.journal_id = ++last_id_;
    current_->newest = std::max(current_->newest, entry.announcement.at);
    current_->open.insert(last_id_);
    segment_of_[last_id_] = current_;
    lines += to_line(entry.repository, entry.announcement);
  }
  FRESHET_CHECK(write_all(current_->fd->get(), lines, current_->path));
  current_->bytes = lines.size();
  for (const std::string& path : read) {
    FRESHET_CHECK(remove_tree(path));
  }
  return {};
}

void Journal::take_lines(std::string_view text) {
  const WallTime oldest = wall_now() - kOldest;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    auto entry = from_line(text.substr(0, end));
    if (entry && entry->announcement.at > oldest) {
      announced_.push_back(std::move(*entry));
    }
    text.remove_prefix(end + 1);
  }
}

Result<std::shared_ptr<Journal::Segment>> Journal::create_segment(std::uint64_t number) const {
  auto segment = std::make_shared<Segment>();
  segment->path = directory_ + "/" + name_of(number);
  UniqueFd fd(::open(segment->path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!fd) {
    return fail(system_error(errno, "cannot create " + segment->path));
  }
  segment->fd = std::make_shared<const UniqueFd>(std::move(fd));
  return segment;
}

Result<void> Journal::append(const RepositoryName& repository,
                             std::vector<Announcement>& announcements) {
  if (announcements.empty()) {
    return {};
  }
  std::shared_ptr<Segment> segment;
  std::shared_ptr<const UniqueFd> fd;
  std::vector<std::uint64_t> ids;
  {
    const MutexLock lock(mutex_);
    segment = current_;
    fd = segment->fd;
    for (Announcement& announcement : announcements) {
      segment->newest = std::max(segment->newest, announcement.at);
      announcement.journal_id = ++last_id_;
      ids.push_back(last_id_);
      segment->open.insert(last_id_);
      segment_of_[last_id_] = segment;
    }
  }
  // The line end in front: a full disk may have cut the line before it short.
  std::string lines = "\n";
  for (const Announcement& announcement : announcements) {
    lines += to_line(repository, announcement);
  }
  // One write in append mode: lines of several threads do not mix, and no lock is held.
  const ssize_t written = ::write(fd->get(), lines.data(), lines.size());
  if (written != static_cast<ssize_t>(lines.size())) {
    const Error error = system_error(written < 0 ? errno : ENOSPC, "cannot write " + segment->path);
    settle(ids);
    // Part of a line may stand there, and would spoil the next one.
    static_cast<void>(rotate());
    return fail(error);
  }
  bool full = false;
  {
    const MutexLock lock(mutex_);
    segment->bytes += lines.size();
    full = segment == current_ && segment->bytes > kSegmentBytes && !rotating_;
    rotating_ = rotating_ || full;
  }
  if (full) {
    // What is written is written: a journal that cannot turn its page goes on in the old one.
    if (const auto rotated = rotate(); !rotated) {
      log::warning("journal not rotated", {{"error", rotated.error().message}});
    }
  }
  return {};
}

Result<void> Journal::rotate() {
  std::uint64_t number = 0;
  {
    const MutexLock lock(mutex_);
    number = ++last_number_;
  }
  auto segment = create_segment(number);
  {
    const MutexLock lock(mutex_);
    rotating_ = false;
    if (segment) {
      current_->fd.reset();
      sealed_.push_back(std::exchange(current_, *segment));
    }
  }
  settle({});  // the sealed one may be settled already
  return segment ? Result<void>() : fail(segment.error());
}

void Journal::settle(const std::vector<std::uint64_t>& ids) {
  std::vector<std::string> finished;
  {
    const MutexLock lock(mutex_);
    for (const std::uint64_t id : ids) {
      if (const auto position = segment_of_.find(id); position != segment_of_.end()) {
        position->second->open.erase(id);
        segment_of_.erase(position);
      }
    }
    const WallTime oldest = wall_now() - kOldest;
    const auto is_over = [&](const auto& segment) {
      return segment->open.empty() || segment->newest <= oldest;
    };
    for (const auto& segment : sealed_) {
      if (is_over(segment)) {
        finished.push_back(segment->path);
      }
    }
    sealed_.erase(std::remove_if(sealed_.begin(), sealed_.end(), is_over), sealed_.end());
  }
  for (const std::string& path : finished) {
    ::unlink(path.c_str());
  }
}

}  // namespace freshet::state
