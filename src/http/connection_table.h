#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "http/connection.h"

namespace freshet::http {

/// The open connections and how many each client has. Used by the event loop's thread; size() by
/// any.
class ConnectionTable {
 public:
  explicit ConnectionTable(const Shared& shared) : shared_(shared) {}

  /// nullptr: the client has as many as it may, or the table is full of what cannot go; `accepted`
  /// is as before then.
  Connection* add(Accepted& accepted);
  /// Whether the client has fewer connections than it may.
  bool has_room_for(const Peer& peer) const;
  Connection* find(std::uint64_t id) const;
  void remove(Connection& connection);
  /// Makes room: closes a connection that has least to lose, and some more where nothing is lost at
  /// all. Those of peers outside the allow list go first, then idle ones and those of clients with
  /// more than their share; among them and then among the others those of the client that has most,
  /// then those that have come least far, then the oldest. A newcomer is not idle because its
  /// request is still on its way. False: there is none that could go.
  bool evict();
  void clear();
  void for_each(const std::function<void(Connection&)>& visit) const;

  std::size_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  struct Entry {
    std::unique_ptr<Connection> connection;
    const std::size_t* siblings = nullptr;  ///< how many its client has; nullptr: does not count
    bool stranger = false;                  ///< outside the allow list
  };

  const Shared& shared_;
  std::uint64_t last_id_ = 0;
  std::unordered_map<std::uint64_t, Entry> connections_;
  std::unordered_map<std::string, std::size_t> per_network_;
  std::atomic<std::size_t> size_{0};
};

}  // namespace freshet::http
