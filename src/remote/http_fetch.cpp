#include "remote/http_fetch.h"

namespace freshet::remote {
namespace {

/// What the client hands an answer to.
class HttpSink : public BodySink {
 public:
  explicit HttpSink(std::shared_ptr<FetchExchange> exchange) : exchange_(std::move(exchange)) {}

  bool accepts(const HttpReply& head) override { return has_type(head, kAnswerType); }
  Take take(std::string_view bytes) override {
    switch (exchange_->take(bytes)) {
      case FetchExchange::Take::more:
        return Take::more;
      case FetchExchange::Take::wait:
        return Take::wait;
      case FetchExchange::Take::stop:
        break;
    }
    return Take::stop;
  }
  int descriptor() const override { return exchange_->descriptor(); }
  FetchExchange& exchange() const { return *exchange_; }

 private:
  const std::shared_ptr<FetchExchange> exchange_;
};

}  // namespace

void send_fetch(HttpClient& client, HttpRequest request, const TimeLimits& limits, bool has_login,
                std::shared_ptr<FetchExchange> exchange) {
  const CancelToken stop = exchange->stop();
  const auto sink = std::make_shared<HttpSink>(std::move(exchange));
  request.body_to = sink.get();
  client.send_async(std::move(request), limits, stop,
                    [sink, has_login](const Result<HttpReply>& reply) {
                      sink->exchange().end(reply ? check_reply(*reply, kAnswerType, has_login)
                                                 : Attempt<void>(fail_with({reply.error()})));
                    });
}

void HttpFetch::start(const FetchCommand& command, std::shared_ptr<FetchExchange> exchange,
                      bool with_tags) {
  if (with_tags) {
    ask_refs(query_, {{"refs/tags/*"}},
             [tags = tags_](RefsAnswer answer) { tags->put(std::move(answer)); });
  }
  send_fetch(query_->client,
             command_request(query_->access, server_, encode_fetch(server_.capabilities, command)),
             query_->limits_left(), query_->has_login(), std::move(exchange));
}

std::optional<Duration> HttpFetch::time_left() const {
  const TimeLimits left = query_->limits_left();
  return left.total > Duration(0) ? std::optional(left.total) : std::nullopt;
}

}  // namespace freshet::remote
