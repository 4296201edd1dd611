#include "remote/fetch.h"

#include <fcntl.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <set>

#include "base/pipe.h"
#include "remote/mirror_checks.h"

namespace freshet::remote {
namespace {

/// What git itself asks for when a shallow history is to become whole.
constexpr int kWholeDepth = 0x7fffffff;
/// More than a request needs to be understood; the rest would only cost bytes.
constexpr std::size_t kMostHaves = 2048;
/// Enough that client and child need not take turns for each packet.
constexpr int kPipeBytes = 256 * 1024;

std::vector<ObjectId> distinct_tips(const FetchRequest& request) {
  std::set<ObjectId> ids;
  for (const FetchRequest::Want& want : request.wants) {
    ids.insert(want.id);
  }
  return {ids.begin(), ids.end()};
}

}  // namespace

Result<bool> Fetch::concerns_depth(const FetchRequest& request) {
  FRESHET_TRY(const std::vector<ObjectId> shallow, read_shallow(request.mirror));
  return request.depth > 0 || !shallow.empty();
}

FetchCommand Fetch::command() const {
  FetchCommand command;
  command.wants = tips_;
  command.haves = request_.haves;
  command.haves.resize(std::min(command.haves.size(), kMostHaves));
  command.shallow = shallow_;
  command.depth = request_.depth > 0 ? request_.depth : (shallow_.empty() ? 0 : kWholeDepth);
  // All that could be offered is offered at once: acknowledgments would tell nothing that another
  // request could use, so the pack may come without them.
  command.done = true;
  command.progress = static_cast<bool>(request_.on_progress);
  return command;
}

Result<UniqueFd> Fetch::open_pipe() {
  FRESHET_TRY(Pipe pipe, make_pipe());
  pack_ = std::move(pipe.read);
  ::fcntl(pipe.write.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(pipe.write.get(), F_SETPIPE_SZ, kPipeBytes);  // a smaller one does as well
  return std::move(pipe.write);
}

Result<void> Fetch::check_free_disk() const {
  struct statvfs disk {};
  if (request_.min_free_disk == 0 || ::statvfs(request_.mirror.c_str(), &disk) != 0 ||
      std::uint64_t{disk.f_bavail} * disk.f_frsize >= request_.min_free_disk) {
    return {};
  }
  return fail(ErrorClass::no_space,
              "less than limits.min_free_disk is free for " + request_.mirror);
}

Attempt<std::optional<FetchReport>> Fetch::run() {
  tips_ = distinct_tips(request_);
  auto shallow = read_shallow(request_.mirror);
  if (!shallow) {
    return fail_with({shallow.error()});
  }
  shallow_ = *std::move(shallow);
  changes_shallow_ = request_.depth > 0 || !shallow_.empty();
  if (const auto free = check_free_disk(); !free) {
    return fail_with({free.error()});
  }
  const auto pack = receive();
  if (exchange_ && !changes_shallow_ && !exchange_->shallow().empty()) {
    return std::nullopt;
  }
  if (!pack) {
    return fail_with(pack.error());
  }
  if (const auto fine = check(*pack); !fine) {
    return fail_with({fine.error()});
  }
  return report();
}

Attempt<IndexedPack> Fetch::receive() {
  auto pipe = open_pipe();
  if (!pipe) {
    return fail_with({pipe.error()});
  }
  exchange_ =
      FetchExchange::create({*std::move(pipe), request_.largest_pack, request_.on_progress});
  transport_.start(command(), exchange_, request_.follow_tags);
  // The child starts while the upstream is still at work, but for a shallow history: it must know
  // the new ends before its first object.
  Result<IndexedPack> indexed = fail(ErrorClass::protocol, "the upstream sent no pack");
  if (!changes_shallow_ || exchange_->wait_for_pack()) {
    indexed = index();
  }
  if (!indexed) {
    exchange_->abort(std::nullopt);
  }
  if (const auto outcome = exchange_->wait(); !outcome) {
    return fail_with(outcome.error());
  }
  if (!indexed) {
    return fail_with({indexed.error()});
  }
  return *std::move(indexed);
}

Result<IndexedPack> Fetch::index() {
  IndexPackSpec spec;
  if (changes_shallow_) {
    FRESHET_TRY(NextShallow next, NextShallow::write(request_.mirror, shallow_,
                                                     exchange_->shallow(), exchange_->unshallow()));
    next_shallow_.emplace(std::move(next));
    spec.shallow_file = next_shallow_->path();
  }
  spec.mirror = request_.mirror;
  spec.lock_descriptor = request_.lock_descriptor;
  spec.largest_pack = request_.largest_pack;
  spec.memory_limit = request_.memory_limit;
  spec.time_limit = transport_.time_left();
  spec.on_progress = [this](const Progress& progress) { note(progress); };
  return run_index_pack(spec, environment_, std::move(pack_), cancel_);
}

void Fetch::note(const Progress& progress) {
  // The child has bytes, so the receiving thread has spoken for the last time.
  exchange_->wait_for_pack();
  if (const auto free = check_free_disk(); !free) {
    exchange_->abort(free.error());
  }
  if (request_.on_progress) {
    request_.on_progress(progress);
  }
}

Result<void> Fetch::check(const IndexedPack& pack) const {
  const bool proves_itself =
      pack.self_contained && std::all_of(tips_.begin(), tips_.end(), [&](const ObjectId& tip) {
        return pack_contains(request_.mirror, pack, tip);
      });
  if (proves_itself) {
    return {};
  }
  if (request_.check_connected && !next_shallow_) {
    FRESHET_TRY(const bool proven, request_.check_connected(tips_));
    if (proven) {
      return {};
    }
  }
  return check_connected(request_, tips_, next_shallow_ ? next_shallow_->path() : "", environment_,
                         cancel_);
}

Attempt<FetchReport> Fetch::report() {
  FetchReport report;
  report.received_bytes = exchange_->received();
  for (const FetchRequest::Want& want : request_.wants) {
    if (!want.ref.empty()) {
      report.refs.insert_or_assign(want.ref, want.id);
    }
  }
  if (next_shallow_) {
    if (const auto done = next_shallow_->put_in_force(request_.mirror); !done) {
      return fail_with({done.error()});
    }
  }
  if (request_.follow_tags) {
    if (const auto added = add_tags(report); !added) {
      return fail_with(added.error());
    }
  }
  return report;
}

Attempt<void> Fetch::add_tags(FetchReport& report) {
  const auto tags = transport_.take_tags();
  if (!tags) {
    return fail_with(tags.error());
  }
  if (!*tags) {
    return {};
  }
  std::vector<ObjectId> ids;
  for (const auto& [ref, id] : (*tags)->refs) {
    ids.push_back(id);
  }
  const auto found = request_.find_objects ? request_.find_objects(ids)
                                           : find_objects(request_, ids, environment_, cancel_);
  if (!found) {
    return fail_with({found.error()});
  }
  for (const auto& [ref, id] : (*tags)->refs) {
    if (found->count(id) != 0) {
      report.tags.emplace(ref, id);
    }
  }
  return {};
}

}  // namespace freshet::remote
