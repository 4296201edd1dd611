#include "notify/notifier.h"

#include <random>

#include "base/hmac.h"
#include "base/log.h"
#include "notify/command.h"
#include "notify/message.h"

namespace freshet::notify {
namespace {

/// So many repositories may have a slow command before others wait for it.
constexpr int kWorkers = 8;
constexpr std::size_t kIdBytes = 16;

std::string new_id() {
  return "msg_" + random_hex(kIdBytes);
}

double chance() {
  thread_local std::minstd_rand source{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(source);
}

}  // namespace

Notifier::~Notifier() {
  stop();
}

void Notifier::follow(const RepositoryName& repository, const std::string& path,
                      const std::vector<Action>& actions) {
  std::vector<std::optional<ObjectId>> told;
  told.reserve(actions.size());
  for (const Action& action : actions) {
    told.push_back(ObjectId::parse(told_.read(path, action.id())["commit"].text()));
  }
  const MutexLock lock(mutex_);
  for (std::size_t i = 0; i < actions.size(); ++i) {
    plan_.follow(repository, path, actions[i], told[i]);
  }
  start_workers();
}

void Notifier::found(const Publication& publication) {
  {
    const MutexLock lock(mutex_);
    plan_.found(publication, new_id(), now());
  }
  changed_.notify_all();
}

void Notifier::keep_only(
    const std::function<bool(const RepositoryName&, const Plan::Key&)>& is_configured) {
  const MutexLock lock(mutex_);
  plan_.keep_only(is_configured);
}

void Notifier::published(const Publication& publication) {
  {
    const MutexLock lock(mutex_);
    plan_.published(publication, new_id(), now());
  }
  changed_.notify_all();
}

void Notifier::start() {
  const MutexLock lock(mutex_);
  started_ = true;
  start_workers();
}

void Notifier::start_workers() {
  if (!started_ || stopping_ || !workers_.empty() || plan_.empty()) {
    return;
  }
  for (int i = 0; i < kWorkers; ++i) {
    workers_.emplace_back([this] { run(); });
  }
}

void Notifier::stop() {
  std::vector<std::thread> workers;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    workers.swap(workers_);
  }
  stop_.cancel();
  changed_.notify_all();
  for (std::thread& worker : workers) {
    worker.join();
  }
}

std::optional<Task> Notifier::wait_for_task() {
  const MutexLock lock(mutex_);
  while (!stopping_) {
    if (auto task = plan_.start_next(now())) {
      return task;
    }
    if (const Instant next = plan_.wakes_at(); next == Instant::max()) {
      changed_.wait(mutex_);
    } else {
      changed_.wait_until(mutex_, next);
    }
  }
  return std::nullopt;
}

void Notifier::run() {
  while (const auto task = wait_for_task()) {
    carry_out(*task, stop_);
  }
}

bool Notifier::try_everything_once(const CancelToken& cancel) {
  const Instant begin = now();
  bool all = true;
  for (;;) {
    std::optional<Task> task;
    {
      const MutexLock lock(mutex_);
      task = plan_.start_next(begin);
    }
    if (!task) {
      return all;
    }
    all = !cancel.cancelled() && carry_out(*task, cancel) && all;
  }
}

bool Notifier::carry_out(const Task& task, const CancelToken& cancel) {
  auto told = tell(task, cancel);
  if (told) {
    told = told_.write(task.publication.path, task.action.id(),
                       Json::object({{"commit", task.publication.new_commit.hex()}}));
  }
  if (!told && !cancel.cancelled()) {
    log::warning("action after an update failed",
                 {{"repository", task.publication.repository.text()},
                  {"path", task.publication.path},
                  {"action", task.action.label()},
                  {"commit", task.publication.new_commit.hex()},
                  {"attempt", std::int64_t{task.failures} + 1},
                  {"error", told.error().message}});
  }
  {
    const MutexLock lock(mutex_);
    if (told) {
      plan_.succeeded(task);
    } else {
      plan_.failed(task, told.error(), now(), chance());
    }
  }
  changed_.notify_all();
  return told.has_value();
}

Result<void> Notifier::tell(const Task& task, const CancelToken& cancel) {
  const ChangedPaths changed = world_.changed_paths(task.publication);
  if (!task.action.wants(changed)) {
    return {};
  }
  const std::string text = document(task.publication, changed);
  if (task.action.run.empty()) {
    FRESHET_CHECK(post(task, text, cancel));
  } else {
    FRESHET_TRY(const UniqueFd held, world_.hold(task.publication.tree));
    FRESHET_CHECK(run_command({task.action.run, task.action.timeout, world_.command_environment()},
                              task.publication, text, cancel));
  }
  log::info("told of an update", {{"repository", task.publication.repository.text()},
                                  {"path", task.publication.path},
                                  {"action", task.action.label()},
                                  {"commit", task.publication.new_commit.hex()}});
  return {};
}

Result<void> Notifier::post(const Task& task, const std::string& document,
                            const CancelToken& cancel) {
  FRESHET_TRY(const Secret secret, read_secret(task.action.secret_file));
  FRESHET_TRY(const Secret key, signing_key(secret));
  const std::string timestamp = std::to_string(to_unix_millis(wall_now()) / 1000);
  return world_.post({task.action.post,
                      {{"Content-Type", "application/json"},
                       {"webhook-id", task.id},
                       {"webhook-timestamp", timestamp},
                       {"webhook-signature", signature(key, task.id, timestamp, document)}},
                      document,
                      task.action.timeout},
                     cancel);
}

}  // namespace freshet::notify
