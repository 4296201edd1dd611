#include "notify/plan.h"

#include <algorithm>
#include <utility>

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
    const auto here = position++;
    if (is_configured(here->second.repository, here->first)) {
      continue;
    }
    take_waiting(here);
    if (here->second.running) {
      here->second.forgotten = true;
    } else {
      entries_.erase(here);
    }
  }
}

void Plan::wait(Entries::iterator position, Waiting waiting) {
  take_waiting(position);
  queue_.emplace(waiting.due, position->second.order, position->first);
  position->second.waiting = std::move(waiting);
}

std::optional<Plan::Waiting> Plan::take_waiting(Entries::iterator position) {
  Entry& entry = position->second;
  if (entry.waiting) {
    queue_.erase({entry.waiting->due, entry.order, position->first});
  }
  return std::exchange(entry.waiting, std::nullopt);
}

template <class Chosen>
void Plan::wait_at(const Publication& publication, const std::string& id, Instant now,
                   Chosen chosen) {
  for (auto position = entries_.lower_bound({publication.path, ""});
       position != entries_.end() && position->first.first == publication.path; ++position) {
    const Entry& entry = position->second;
    if (!entry.forgotten && entry.action.wants(publication.ref) && chosen(entry)) {
      wait(position, {publication, id, 0, now});
    }
  }
}

void Plan::published(const Publication& publication, const std::string& id, Instant now) {
  wait_at(publication, id, now, [](const Entry& /*entry*/) { return true; });
}

void Plan::found(const Publication& publication, const std::string& id, Instant now) {
  wait_at(publication, id, now, [&](const Entry& entry) {
    return !entry.waiting && !entry.running && entry.told != publication.new_commit;
  });
}

bool Plan::may_start(const Entry& entry) const {
  return !entry.running && (entry.action.run.empty() || busy_.count(entry.repository) == 0);
}

std::optional<Task> Plan::start_next(Instant now) {
  for (const auto& [due, order, key] : queue_) {
    if (due > now) {
      break;
    }
    const auto position = entries_.find(key);
    Entry& entry = position->second;
    if (!may_start(entry)) {
      continue;
    }
    auto waiting = take_waiting(position);
    Task task{entry.action, std::move(waiting->publication), std::move(waiting->id),
              waiting->failures};
    if (entry.told != task.publication.new_commit) {
      task.publication.old_commit = entry.told;
    }
    entry.running = true;
    if (!task.action.run.empty()) {
      busy_.insert(entry.repository);
    }
    return task;
  }
  return std::nullopt;
}

void Plan::succeeded(const Task& task) {
  const auto position = end(task);
  if (position != entries_.end()) {
    position->second.told = task.publication.new_commit;
  }
}

void Plan::failed(const Task& task, const Error& error, Instant now, double chance) {
  const auto position = end(task);
  if (position == entries_.end() || position->second.waiting) {
    return;  // what is newer is told instead
  }
  const Duration delay = std::max<Duration>(backoff_.delay(task.failures + 1, chance),
                                            error.retry_after.value_or(std::chrono::seconds(0)));
  wait(position, {task.publication, task.id, task.failures + 1, now + delay});
}

Plan::Entries::iterator Plan::end(const Task& task) {
  if (!task.action.run.empty()) {
    busy_.erase(task.publication.repository);
  }
  const auto position = entries_.find(key_of(task));
  if (position == entries_.end()) {
    return position;
  }
  position->second.running = false;
  if (position->second.forgotten) {
    entries_.erase(position);
    return entries_.end();
  }
  return position;
}

Instant Plan::wakes_at() const {
  for (const auto& [due, order, key] : queue_) {
    if (may_start(entries_.at(key))) {
      return due;
    }
  }
  return Instant::max();
}

}  // namespace freshet::notify
