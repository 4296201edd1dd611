#pragma once

#include <memory>
#include <optional>

#include "remote/arrival.h"
#include "remote/fetch.h"
#include "remote/remote_query.h"

namespace freshet::remote {

/// Sends it; the client's thread brings the answer to the exchange.
void send_fetch(HttpClient& client, HttpRequest request, const TimeLimits& limits, bool has_login,
                std::shared_ptr<FetchExchange> exchange);

/// A fetch as an HTTP request. The tags are asked for at the same time.
class HttpFetch : public FetchTransport {
 public:
  HttpFetch(std::shared_ptr<const RemoteQuery> query, RemoteMemory::Server server)
      : query_(std::move(query)), server_(std::move(server)) {}

  void start(const FetchCommand& command, std::shared_ptr<FetchExchange> exchange,
             bool with_tags) override;
  RefsAnswer take_tags() override { return tags_->take(); }
  std::optional<Duration> time_left() const override;

 private:
  const std::shared_ptr<const RemoteQuery> query_;
  const RemoteMemory::Server server_;
  const std::shared_ptr<Arrival<RefsAnswer>> tags_ = std::make_shared<Arrival<RefsAnswer>>();
};

}  // namespace freshet::remote
