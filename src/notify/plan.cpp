#include "notify/plan.h"

#include <algorithm>

namespace freshet::notify {

void Plan::follow(const RepositoryName& repository, const std::string& path, const Action& action,
                  const std::optional<ObjectId>& told) {
  const auto [position, is_new] = entries_.try_emplace(Key{path, action.id()});
  Entry& entry = position->second;
  entry.repository = repository;
  entry.action = action;
  entry.forgotten = false;
  if (is_new) {
    entry.told = told;
    entry.order = ++last_order_;
  }
}

void Plan::keep_only(const std::function<bool(const RepositoryName&, const Key&)>& is_configured) {
  for (auto position = entries_.begin(); position != entries_.end();) {
    Entry& entry = position->second;
    if (is_configured(entry.repository, position->first)) {
      ++position;
    } else if (entry.running) {
      entry.forgotten = true;
      entry.waiting.reset();
      ++position;
    } else {
      position = entries_.erase(position);
    }
  }
}

void Plan::published(const Publication& publication, const std::string& id, Instant now) {
  for (auto& [key, entry] : entries_) {
    if (key.first == publication.path && !entry.forgotten && entry.action.wants(publication.ref)) {
      entry.waiting = Waiting{publication, id, 0, now};
    }
  }
}

void Plan::found(const Publication& publication, const std::string& id, Instant now) {
  for (auto& [key, entry] : entries_) {
    if (key.first == publication.path && !entry.waiting && !entry.running &&
        entry.told != publication.new_commit && entry.action.wants(publication.ref)) {
      entry.waiting = Waiting{publication, id, 0, now};
    }
  }
}

bool Plan::may_start(const Entry& entry) const {
  return entry.waiting && !entry.running &&
         (entry.action.run.empty() || busy_.count(entry.repository) == 0);
}

std::optional<Task> Plan::start_next(Instant now) {
  Entry* next = nullptr;
  for (auto& [key, entry] : entries_) {
    if (!may_start(entry) || entry.waiting->due > now) {
      continue;
    }
    // What was due first comes first; of those that came together, the file's order counts.
    if (next == nullptr ||
        std::pair(entry.waiting->due, entry.order) < std::pair(next->waiting->due, next->order)) {
      next = &entry;
    }
  }
  if (next == nullptr) {
    return std::nullopt;
  }
  Task task{next->action, std::move(next->waiting->publication), std::move(next->waiting->id),
            next->waiting->failures};
  if (next->told != task.publication.new_commit) {
    task.publication.old_commit = next->told;
  }
  next->waiting.reset();
  next->running = true;
  if (!task.action.run.empty()) {
    busy_.insert(next->repository);
  }
  return task;
}

void Plan::succeeded(const Task& task) {
  end(task, [&](Entry& entry) { entry.told = task.publication.new_commit; });
}

void Plan::failed(const Task& task, const Error& error, Instant now, double chance) {
  end(task, [&](Entry& entry) {
    if (entry.waiting || entry.forgotten) {
      return;  // what is newer is told instead
    }
    const Duration delay = backoff_.delay(task.failures + 1, chance);
    entry.waiting = Waiting{
        task.publication, task.id, task.failures + 1,
        now + std::max<Duration>(delay, error.retry_after.value_or(std::chrono::seconds(0)))};
  });
}

void Plan::end(const Task& task, const std::function<void(Entry&)>& conclude) {
  if (!task.action.run.empty()) {
    busy_.erase(task.publication.repository);
  }
  const auto position = entries_.find(key_of(task));
  if (position == entries_.end()) {
    return;
  }
  position->second.running = false;
  conclude(position->second);
  if (position->second.forgotten) {
    entries_.erase(position);
  }
}

Instant Plan::wakes_at() const {
  Instant next = Instant::max();
  for (const auto& [key, entry] : entries_) {
    if (may_start(entry)) {
      next = std::min(next, entry.waiting->due);
    }
  }
  return next;
}

}  // namespace freshet::notify
