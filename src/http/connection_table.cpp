#include "http/connection_table.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

namespace freshet::http {
namespace {

/// How far its request has come.
int progress_of(const Connection& connection) {
  switch (connection.stage) {
    case Connection::Stage::closing:
    case Connection::Stage::lingering:
      return 0;
    case Connection::Stage::handshake:
    case Connection::Stage::idle:
      return 1;
    case Connection::Stage::receiving:
      return connection.in_body ? 2 : 1;
    case Connection::Stage::answering:
    case Connection::Stage::streaming:
      return 3;
  }
  return 0;
}
constexpr int kNoRequest = 1;  // the largest progress at which there is none yet, or none any more

/// As a part of the table, how many connections any client may have.
constexpr std::size_t kFewOf = 256;

struct Candidate {
  bool spare = false;  ///< idle, or of a client with more than its share
  bool stranger = false;
  std::size_t siblings = 0;
  int progress = 0;
  Instant deadline;
  Connection* connection = nullptr;
  bool newcomer = false;

  /// Whether it has less to lose.
  bool operator<(const Candidate& other) const {
    return std::tuple(!stranger, !spare, other.siblings, progress, deadline) <
           std::tuple(!other.stranger, !other.spare, siblings, other.progress, other.deadline);
  }
};

}  // namespace

Connection* ConnectionTable::add(Accepted& accepted) {
  if (!has_room_for(accepted.peer)) {
    return nullptr;
  }
  if (connections_.size() >= shared_.options.max_connections && !evict()) {
    return nullptr;
  }
  auto connection = std::make_unique<Connection>(++last_id_, std::move(accepted), shared_);
  Connection* added = connection.get();
  Entry entry{std::move(connection)};
  const Peer& peer = added->peer;
  const Limits& limits = *added->limits;
  if (!peer.network.empty()) {
    std::size_t& siblings = per_network_[peer.network];
    ++siblings;
    if (!limits.trusted_proxies.contains(peer.address)) {
      entry.siblings = &siblings;
      entry.stranger = !limits.allow.empty() && !limits.allow.contains(peer.address);
    }
  }
  connections_.emplace(added->id, std::move(entry));
  size_.store(connections_.size(), std::memory_order_relaxed);
  return added;
}

Connection* ConnectionTable::find(std::uint64_t id) const {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.connection.get();
}

void ConnectionTable::remove(Connection& connection) {
  const auto count = per_network_.find(connection.peer.network);
  if (count != per_network_.end() && --count->second == 0) {
    per_network_.erase(count);
  }
  connections_.erase(connection.id);
  size_.store(connections_.size(), std::memory_order_relaxed);
}

void ConnectionTable::clear() {
  connections_.clear();
  per_network_.clear();
  size_.store(0, std::memory_order_relaxed);
}

void ConnectionTable::for_each(const std::function<void(Connection&)>& visit) const {
  for (const auto& [id, entry] : connections_) {
    visit(*entry.connection);
  }
}

bool ConnectionTable::has_room_for(const Peer& peer) const {
  const auto count = per_network_.find(peer.network);
  if (count == per_network_.end()) {
    return true;
  }
  const auto limits = shared_.limits();
  return limits->connections_per_address == 0 || count->second < limits->connections_per_address ||
         limits->trusted_proxies.contains(peer.address);
}

bool ConnectionTable::evict() {
  std::vector<Candidate> candidates;
  candidates.reserve(connections_.size());
  const Instant time = now();
  // A few more than others have are no attack.
  const std::size_t share =
      std::max(connections_.size() / std::max<std::size_t>(1, per_network_.size()),
               shared_.options.max_connections / kFewOf);
  for (const auto& [id, entry] : connections_) {
    const Connection& connection = *entry.connection;
    if (!connection.working) {  // what a worker holds cannot go
      const std::size_t siblings = entry.siblings == nullptr ? 1 : *entry.siblings;
      const bool newcomer = !entry.stranger && time < connection.newcomer_until;
      const bool idle = connection.stage == Connection::Stage::idle && !newcomer;
      candidates.push_back({idle || siblings > share, entry.stranger, siblings,
                            progress_of(connection), connection.deadline, entry.connection.get(),
                            newcomer});
    }
  }
  if (candidates.empty()) {
    return false;
  }
  // A look at all of them for each newcomer would cost more than a flood of newcomers does.
  const std::size_t most = std::max<std::size_t>(1, connections_.size() / 64);
  const std::size_t count = std::min(most, candidates.size());
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(count),
                    candidates.end());
  const auto loses_nothing = [](const Candidate& candidate) {
    return candidate.progress <= kNoRequest && !candidate.newcomer;
  };
  for (std::size_t i = 0; i < count && (i == 0 || loses_nothing(candidates[i])); ++i) {
    remove(*candidates[i].connection);
  }
  return true;
}

}  // namespace freshet::http
