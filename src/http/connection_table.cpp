#include "http/connection_table.h"

#include <utility>

namespace freshet::http {

Connection* ConnectionTable::add(Accepted& accepted) {
  if (!has_room_for(accepted.peer)) {
    return nullptr;
  }
  if (connections_.size() >= shared_.options.max_connections && !evict()) {
    return nullptr;
  }
  auto connection = std::make_unique<Connection>(++last_id_, std::move(accepted), shared_);
  Connection* added = connection.get();
  if (!added->peer.network.empty()) {
    ++per_network_[added->peer.network];
  }
  connections_.emplace(added->id, std::move(connection));
  size_.store(connections_.size(), std::memory_order_relaxed);
  return added;
}

Connection* ConnectionTable::find(std::uint64_t id) const {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
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
  for (const auto& [id, connection] : connections_) {
    visit(*connection);
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
  // Deadlines are as far away for each stage, so that the nearest one is the oldest. Idle ones lose
  // least, and what a worker holds cannot go.
  Connection* oldest = nullptr;
  bool oldest_idle = false;
  for (const auto& [id, connection] : connections_) {
    if (connection->working) {
      continue;
    }
    const bool idle = connection->stage == Connection::Stage::idle;
    const bool better = oldest == nullptr || (idle && !oldest_idle) ||
                        (idle == oldest_idle && connection->deadline < oldest->deadline);
    if (better) {
      oldest = connection.get();
      oldest_idle = idle;
    }
  }
  if (oldest == nullptr) {
    return false;
  }
  remove(*oldest);
  return true;
}

}  // namespace freshet::http
