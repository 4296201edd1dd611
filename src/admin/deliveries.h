#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "http/message.h"
#include "state/ledger.h"

namespace freshet::admin {

/// The API's answers about deliveries: the ledger's rows, and a delivery run again. Thread-safe;
/// blocks for reads of the ledger, which have a limit in time.
class Deliveries {
 public:
  /// Runs again what a delivery said, by the configuration of now, as if it came now. The answer
  /// says what was triggered. Error config: what is kept of it cannot be read any more; another:
  /// not now.
  using Replay =
      std::function<Result<Json>(const state::DeliveryRow& delivery, const Json& content)>;

  /// What can be asked for.
  struct Words {
    std::vector<std::string> forges;
    std::vector<std::string> verdicts;
  };

  Deliveries(state::Ledger& ledger, Words words, Replay replay)
      : ledger_(ledger), words_(std::move(words)), replay_(std::move(replay)) {}

  /// GET .../deliveries, with the query's limit, before, after, repository, forge and verdict.
  http::Response list(const http::Request& request);
  http::Response show(const std::string& id);
  /// POST .../deliveries/ID/replay
  http::Response replay(const std::string& id);

 private:
  http::Response unreadable(const Error& error);

  state::Ledger& ledger_;
  const Words words_;
  const Replay replay_;
};

}  // namespace freshet::admin
