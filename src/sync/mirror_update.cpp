#include "sync/mirror_update.h"

#include <algorithm>
#include <future>
#include <iterator>

#include "base/log.h"
#include "mirror/lost_refs.h"
#include "sync/ref_selection.h"

namespace freshet::sync {
namespace {

using Wants = std::vector<remote::FetchRequest::Want>;

/// What the fetch answered counts more than what the listing said a moment before.
void adopt(remote::Advertisement& answer, const remote::FetchReport& report) {
  for (const auto& [ref, id] : report.refs) {
    if (ref == answer.default_branch) {
      answer.head = id;
    }
    if (const auto position = answer.refs.find(ref); position != answer.refs.end()) {
      position->second = id;
    }
  }
}

std::vector<ObjectId> tips_of(const std::map<RefName, ObjectId>& refs) {
  std::set<ObjectId> tips;
  for (const auto& [ref, id] : refs) {
    tips.insert(id);
  }
  return {tips.begin(), tips.end()};
}

enum class Tags { follow, leave };

Result<void> fetch(Refresh& run, mirror::Mirror& mirror, Wants wants, bool is_first, Tags tags) {
  remote::FetchRequest request;
  request.mirror = mirror.path();
  request.lock_descriptor = mirror.lock_descriptor();
  request.wants = std::move(wants);
  request.haves = mirror.haves(tips_of(run.earlier));
  request.depth = run.spec->depth;
  request.follow_tags = tags == Tags::follow;
  request.largest_pack = run.spec->largest_pack;
  request.min_free_disk = run.spec->min_free_disk;
  request.check_connected = [&](const std::vector<ObjectId>& tips) {
    std::vector<ObjectId> known = tips_of(run.earlier);
    known.insert(known.end(), request.haves.begin(), request.haves.end());
    return mirror.prove_connected(tips, known);
  };
  request.find_objects = [&](const std::vector<ObjectId>& ids) -> Result<std::set<ObjectId>> {
    std::set<ObjectId> found;
    std::copy_if(ids.begin(), ids.end(), std::inserter(found, found.end()),
                 [&](const ObjectId& id) { return mirror.has(id); });
    return found;
  };
  request.limits = {is_first ? run.spec->first_time_limit : run.spec->time_limit,
                    run.spec->silence_limit};
  request.on_progress = [&](const remote::Progress& progress) {
    run.world.progress(run.spec->name, progress);
  };
  run.outcome.fetched = true;
  FRESHET_CHECK(mirror.begin_work());
  FRESHET_TRY(const remote::FetchReport report, run.upstream->fetch(request, run.cancel));
  for (const auto& want : request.wants) {
    run.brought.insert(want.id);
  }
  run.outcome.fetched_bytes += report.received_bytes;
  run.tags.insert(report.tags.begin(), report.tags.end());
  adopt(run.answer, report);
  return {};
}

/// Tags that came along. One that is there is never moved. What they name is in the mirror, but
/// what that leads to need not be: a fetch that failed leaves objects behind.
Result<std::map<RefName, ObjectId>> new_tags(const Refresh& run, const mirror::Mirror& mirror,
                                             const Selection& selection) {
  std::map<RefName, ObjectId> tags;
  std::vector<ObjectId> commits;
  for (const auto& [ref, id] : run.tags) {
    FRESHET_TRY(const auto known, mirror.find(ref));
    if (known || selection.refs.count(ref) != 0) {
      continue;
    }
    tags.emplace(ref, id);
    if (auto commit = mirror.peel_to_commit(id)) {
      commits.push_back(*std::move(commit));
    }
  }
  std::vector<ObjectId> whole = tips_of(run.earlier);
  whole.insert(whole.end(), run.brought.begin(), run.brought.end());
  if (const auto proven = mirror.prove_connected(commits, whole); !proven) {
    log::warning("new tags are not taken over",
                 {{"repository", run.spec->name.text()}, {"error", proven.error().message}});
    tags.clear();
  }
  return tags;
}

Result<void> move_refs(Refresh& run, mirror::Mirror& mirror, const Selection& selection,
                       const std::map<RefName, ObjectId>& current) {
  mirror::RefChanges changes = mirror::plan_ref_changes(current, selection.refs);
  FRESHET_TRY(auto tags, new_tags(run, mirror, selection));
  changes.set.merge(tags);
  if (!changes.empty()) {
    FRESHET_TRY(changes.keep, mirror::lost_tips(
                                  current, changes,
                                  [&](const ObjectId& old_id, const ObjectId& new_id) {
                                    return mirror.is_ancestor(old_id, new_id);
                                  },
                                  wall_now()));
    FRESHET_CHECK(mirror.begin_work());
    FRESHET_CHECK(mirror.apply(changes));
    run.outcome.result = RefreshResult::updated;
  }
  FRESHET_TRY(const auto head, mirror.head());
  if (selection.head && head != selection.head) {
    FRESHET_CHECK(mirror.set_head(*selection.head));
  }
  mirror.end_work();
  return {};
}

/// Takes the refs out that none of the patterns asks for.
std::map<RefName, ObjectId> take_others(remote::Advertisement& answer,
                                        const std::vector<remote::RefPattern>& patterns) {
  std::map<RefName, ObjectId> others;
  for (auto position = answer.refs.begin(); position != answer.refs.end();) {
    const bool asked =
        std::any_of(patterns.begin(), patterns.end(),
                    [&](const remote::RefPattern& p) { return p.matches(position->first); });
    const auto current = position++;
    if (!asked) {
      others.insert(answer.refs.extract(current));
    }
  }
  return others;
}

/// Both leave at once: one round trip from the delivery to the objects. The listing names the tags
/// as well, which would be a third request otherwise.
Result<remote::Advertisement> ask_and_fetch(Refresh& run, mirror::Mirror& mirror,
                                            const Wants& announced) {
  const auto patterns = patterns_to_ask(*run.spec);
  auto with_tags = patterns;
  with_tags.push_back({"refs/tags/*"});
  const auto promise = std::make_shared<std::promise<Result<remote::Advertisement>>>();
  auto listing = promise->get_future();
  run.upstream->list_refs_async(
      with_tags, probe_limits(*run.spec), run.cancel,
      [promise](Result<remote::Advertisement> listed) { promise->set_value(std::move(listed)); });
  // What was announced may be gone again, or not be there yet: the listing decides.
  const auto fetched = fetch(run, mirror, announced, false, Tags::leave);
  FRESHET_TRY(remote::Advertisement answer, listing.get());
  for (const auto& [tag, id] : take_others(answer, patterns)) {
    if (fetched && mirror.has(id)) {
      run.tags.emplace(tag, id);
    }
  }
  return answer;
}

/// The upstream's refs. After a delivery what it announced is fetched at the same time.
Result<remote::Advertisement> ask(Refresh& run, mirror::Mirror& mirror,
                                  const std::map<RefName, ObjectId>& current, bool is_first) {
  Wants announced;
  for (const ObjectId& id : announced_commits(run.job.announcements, *run.spec, current)) {
    if (!mirror.has(id)) {  // a delivery may come late
      announced.push_back({RefName(), id});
    }
  }
  // Asked for a second time, an upstream that lags has to show the ref first.
  const bool first_try = run.job.cause == Cause::delivery || run.job.cause == Cause::manual;
  if (first_try && !announced.empty() && !is_first && run.upstream->lists_without_blocking()) {
    return ask_and_fetch(run, mirror, announced);
  }
  return run.upstream->list_refs(patterns_to_ask(*run.spec), probe_limits(*run.spec), run.cancel);
}

Error held(const RepositoryName& name) {
  const std::string command = "freshet refresh " + name.text() + " --accept-loss";
  return {ErrorClass::conflict,
          "the upstream no longer has most of the refs that are followed; nothing was "
          "changed. If that is right: " +
              command,
          {},
          "Ask whoever emptied the upstream. If it is meant, say so with `" + command +
              "`; if not, it goes on by itself once the refs are back."};
}

}  // namespace

remote::TimeLimits probe_limits(const RepositorySpec& spec) {
  return {std::min(spec.time_limit, 4 * spec.silence_limit), spec.silence_limit};
}

Result<void> bring_mirror_up_to(Refresh& run, mirror::Mirror& mirror) {
  FRESHET_TRY(const auto in_mirror, mirror.refs());
  const bool is_first = in_mirror.empty();
  std::map<RefName, ObjectId> current = managed_refs(*run.spec, in_mirror);
  run.earlier = current;
  for (const auto& [ref, id] : current) {
    run.brought.insert(id);  // what a ref of ours points to is complete
  }
  run.outcome.asked = true;
  FRESHET_TRY(run.answer, ask(run, mirror, current, is_first));
  run.outcome.default_branch = run.answer.default_branch;
  Selection selection = select_refs(*run.spec, run.answer);
  if (!run.job.accept_loss && mirror::loses_too_much(current, selection.refs)) {
    run.outcome.held = true;
    return fail(held(run.spec->name));
  }
  Wants wants;
  for (const auto& [ref, id] : selection.refs) {
    if (ref == pin_of(id)) {
      FRESHET_TRY(const auto pinned, mirror.find(ref));
      if (pinned) {
        current[ref] = *pinned;
        run.brought.insert(*pinned);
      }
    }
    if (run.brought.count(id) == 0) {
      wants.push_back({ref == pin_of(id) ? RefName() : ref, id});
    }
  }
  if (!wants.empty()) {
    FRESHET_CHECK(fetch(run, mirror, std::move(wants), is_first, Tags::follow));
    selection = select_refs(*run.spec, run.answer);
  }
  return move_refs(run, mirror, selection, current);
}

}  // namespace freshet::sync
