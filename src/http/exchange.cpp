#include "http/exchange.h"

#include <algorithm>
#include <exception>

#include "base/log.h"
#include "http/admission.h"
#include "http/answer.h"

namespace freshet::http {
namespace {

Response too_large() {
  return error_response(413, "too_large", "the body is too large");
}

Response unsupported() {
  return error_response(415, "unsupported_media_type", "a body of this type is not taken here");
}

bool takes(const BodyPolicy& policy, const Head& head) {
  const std::string type = head.request.media_type();
  return !head.encoded && (policy.media_types.empty() || type.empty() ||
                           std::find(policy.media_types.begin(), policy.media_types.end(), type) !=
                               policy.media_types.end());
}

void fail(Connection& connection, std::string_view what) {
  const Request& request = connection.reader.head().request;
  log::error("request failed",
             {{"method", request.method}, {"path", request.path}, {"error", what}});
  connection.answer(error_response(500, "internal", "the request failed inside the server"), false);
}

}  // namespace

void Exchange::run(Connection& connection) const noexcept {
  try {
    try {
      proceed(connection);
    } catch (const std::exception& error) {
      fail(connection, error.what());
    } catch (...) {
      fail(connection, "an exception of an unknown type");
    }
  } catch (...) {
    connection.stage = Connection::Stage::closing;
  }
}

void Exchange::proceed(Connection& connection) const {
  RequestReader& reader = connection.reader;
  if (!reader.decided()) {
    auto early = admit(connection);
    if (!early) {
      early = decide(connection);
    }
    if (early) {
      shared_.refusals.count(early->status);
      connection.answer(*early, true);
      return;
    }
  }
  switch (reader.advance()) {
    case RequestReader::Need::bytes:
      connection.stage = Connection::Stage::receiving;
      if (reader.head().expects_continue && reader.body().size() == 0) {
        connection.invite_body();
      }
      return;
    case RequestReader::Need::refusal:
      connection.answer(reader.refusal());
      return;
    case RequestReader::Need::application:
      break;
  }
  if (reader.body_unwanted()) {
    const Response refused = unsupported();
    shared_.refusals.count(refused.status);
    connection.answer(refused, true);
    return;
  }
  connection.answer(application_.respond(reader.complete_request()), true);
}

std::optional<Response> Exchange::admit(Connection& connection) const {
  Request& head = connection.reader.request();
  const Limits& limits = *connection.limits;
  head.peer = connection.peer.address;
  if (auto refused =
          http::admit(head, limits, *shared_.options.rate_limiter, now(), connection.visit)) {
    return refused;
  }
  if (!limits.trusted_proxies.contains(head.client)) {
    connection.reader.charge_to(client_network(head.client));
  }
  return std::nullopt;
}

std::optional<Response> Exchange::decide(Connection& connection) const {
  RequestReader& reader = connection.reader;
  const Head& head = reader.head();
  if (auto answer = application_.before_body(head.request)) {
    return answer;
  }
  const BodyPolicy& policy = application_.body_policy(head.request);
  const std::uint64_t limit = std::min(policy.max_bytes, connection.limits->max_body);
  const bool over = reader.body().state() == BodyReader::State::too_large;
  if (over || std::max(head.content_length.value_or(0), reader.body().size()) > limit) {
    return too_large();
  }
  const bool wanted = takes(policy, head);
  // Whether chunks are too many comes before whether they are wanted, and only their end tells.
  if (!wanted && !(head.chunked && !reader.whole())) {
    return unsupported();
  }
  if (wanted) {
    reader.request().tap = application_.tap_body(head.request);
  }
  reader.take_body(limit, wanted);
  return std::nullopt;
}

}  // namespace freshet::http
