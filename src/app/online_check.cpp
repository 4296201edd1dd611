#include "app/online_check.h"

#include <stdlib.h>

#include <algorithm>
#include <map>
#include <memory>
#include <thread>

#include "app/specs.h"
#include "app/upstreams.h"
#include "base/files.h"
#include "base/mutex.h"
#include "remote/ssh_command.h"
#include "sync/ref_selection.h"

namespace freshet::app {
namespace {

constexpr Duration kLongest = std::chrono::minutes(1);

/// Goes with all that is in it.
class TemporaryDirectory {
 public:
  static Result<std::unique_ptr<TemporaryDirectory>> create() {
    const char* parent = ::secure_getenv("TMPDIR");
    std::string path = std::string(parent == nullptr ? "/tmp" : parent) + "/freshet-check.XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) {
      return fail(system_error(errno, "cannot create " + path));
    }
    return std::unique_ptr<TemporaryDirectory>(new TemporaryDirectory(std::move(path)));
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { static_cast<void>(remove_tree(path_)); }
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  const std::string path_;
};

/// Hands out the repositories so that no host is asked for more than `per_host` at once.
class Queue {
 public:
  Queue(const std::vector<std::shared_ptr<const sync::RepositorySpec>>& specs,
        const config::Limits& limits)
      : specs_(specs), per_host_(limits.per_host), taken_(specs.size(), false) {}

  /// nullopt: every one was handed out.
  std::optional<std::size_t> take() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    for (;;) {
      bool all_taken = true;
      for (std::size_t i = first_; i < specs_.size(); ++i) {
        if (!taken_[i] && under_way_[host_of(i)] < per_host_) {
          taken_[i] = true;
          ++under_way_[host_of(i)];
          return i;
        }
        all_taken = all_taken && taken_[i];
        first_ = all_taken ? i + 1 : first_;
      }
      if (all_taken) {
        return std::nullopt;
      }
      condition_.wait(mutex_);
    }
  }

  void give_back(std::size_t i, const std::function<void(std::size_t)>& progress) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    --under_way_[host_of(i)];
    progress(++answered_);
    condition_.notify_all();
  }

 private:
  std::string host_of(std::size_t i) const { return specs_[i]->url.host_key(); }

  const std::vector<std::shared_ptr<const sync::RepositorySpec>>& specs_;
  const unsigned per_host_;
  Mutex mutex_;
  Condition condition_;
  std::vector<bool> taken_ GUARDED_BY(mutex_);
  std::size_t first_ GUARDED_BY(mutex_) = 0;  ///< all before it were taken
  std::size_t answered_ GUARDED_BY(mutex_) = 0;
  std::map<std::string, unsigned> under_way_ GUARDED_BY(mutex_);
};

WantedRef find_ref(const checkout::CheckoutSpec& checkout, const remote::Advertisement& answer) {
  WantedRef wanted{checkout.path, checkout.ref, {}, {}, {}};
  if (const auto commit = sync::parse_ref_choice(checkout.ref).commit) {
    wanted.id = *commit;
    return wanted;
  }
  const auto resolved = sync::resolve(checkout.ref, answer);
  if (resolved) {
    wanted.ref = resolved->ref;
    wanted.id = resolved->id;
  } else {
    wanted.error = resolved.error();
  }
  return wanted;
}

std::vector<WantedRef> find_refs(const sync::RepositorySpec& spec,
                                 const remote::Advertisement& answer) {
  std::vector<WantedRef> found;
  for (const checkout::CheckoutSpec& checkout : spec.checkouts) {
    found.push_back(find_ref(checkout, answer));
  }
  for (const remote::RefPattern& pattern : spec.follows) {
    const bool full = pattern.text.find('*') == std::string::npos;
    const auto match = std::find_if(answer.refs.begin(), answer.refs.end(),
                                    [&](const auto& ref) { return pattern.matches(ref.first); });
    if (full && match == answer.refs.end()) {
      found.push_back(
          {"",
           pattern.text,
           {},
           {},
           Error{ErrorClass::not_found, "the upstream has no ref " + pattern.text, {}}});
    }
  }
  return found;
}

UpstreamReport ask(const sync::RepositorySpec& spec, const UpstreamAccess& access,
                   const CancelToken& cancel) {
  UpstreamReport report;
  report.repository = spec.name;
  report.url = redact_urls(spec.url.text());
  report.used = access.credentials->used_for(spec.url);
  const auto upstream = connect_upstream(spec, access, std::make_shared<remote::RemoteMemory>());
  const remote::TimeLimits limits{std::min(spec.time_limit, kLongest), spec.silence_limit};
  const auto answer = upstream->list_refs(sync::patterns_to_ask(spec), limits, cancel);
  if (!answer) {
    report.error = answer.error();
    return report;
  }
  report.default_branch = answer->default_branch;
  report.refs = find_refs(spec, *answer);
  return report;
}

}  // namespace

bool UpstreamReport::failed() const {
  return error.has_value() || std::any_of(refs.begin(), refs.end(), [](const WantedRef& wanted) {
           return wanted.error.has_value();
         });
}

Result<std::vector<UpstreamReport>> check_upstreams(
    const config::Settings& settings, const CancelToken& cancel,
    const std::function<void(std::size_t answered)>& progress) {
  FRESHET_TRY(const auto directory, TemporaryDirectory::create());
  FRESHET_TRY(const GitEnvironment git, GitEnvironment::prepare(directory->path()));
  FRESHET_TRY(const std::string ssh, remote::make_control_directory(directory->path()));
  FRESHET_TRY(const auto http, start_upstream_client());
  const UpstreamAccess access{
      git, *http, std::make_shared<remote::Credentials>(credential_specs(settings), *http), ssh};

  const auto specs = repository_specs(settings);
  std::vector<UpstreamReport> reports(specs.size());
  Queue queue(specs, settings.limits);
  std::vector<std::thread> threads;
  const std::size_t at_once = std::min<std::size_t>(settings.limits.refreshes, specs.size());
  for (std::size_t i = 0; i < at_once; ++i) {
    threads.emplace_back([&] {
      while (const auto next = queue.take()) {
        reports[*next] = ask(*specs[*next], access, cancel);
        queue.give_back(*next, progress);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  remote::end_shared_connections(ssh, git);
  return reports;
}

}  // namespace freshet::app
