#include "remote/stream_session.h"

#include <poll.h>

namespace freshet::remote {
namespace {

constexpr std::size_t kLargestGreeting = std::size_t{1} << 20U;
constexpr std::uint64_t kLargestList = std::uint64_t{512} << 20U;
/// For a last word of four bytes, which the other side has room for.
constexpr std::chrono::seconds kLeave{1};

Error cut_off(std::string_view what) {
  return {ErrorClass::protocol, "the upstream's " + std::string(what) + " is cut off",
          std::nullopt};
}
Error no_answer() {
  return {ErrorClass::protocol, "the upstream ended the connection without an answer",
          std::nullopt};
}

/// How much of what came makes a whole greeting: of version 2 up to its flush, else the first
/// packet, which tells enough. nullopt: more has to come.
std::optional<std::size_t> size_of_greeting(std::string_view bytes) {
  PacketDecoder decoder;
  std::string_view rest = bytes;
  bool is_two = false;
  for (;;) {
    const auto packet = decoder.next(rest);
    if (!packet) {
      return bytes.size();
    }
    if (!*packet) {
      return std::nullopt;
    }
    is_two = is_two || (*packet)->line() == "version 2";
    if (!is_two) {
      return bytes.size() - rest.size();
    }
    if ((*packet)->kind != Packet::Kind::data) {
      return bytes.size();  // nothing may stand behind it
    }
  }
}

}  // namespace

Result<std::unique_ptr<StreamSession>> StreamSession::open(std::unique_ptr<Duplex> stream,
                                                           const Patience& patience) {
  constexpr std::string_view kNoRefs = "0000";  // all that a very old server says of an empty one
  std::string bytes;
  std::optional<std::size_t> size;
  while (!size) {
    FRESHET_TRY(const std::string_view piece, stream->read(patience));
    if (piece.empty()) {
      return fail(
          stream->explain_end().value_or(bytes.empty() ? no_answer() : cut_off("first answer")));
    }
    bytes += piece;
    size = size_of_greeting(bytes);
    if (!size && bytes.size() > kLargestGreeting) {
      return fail(ErrorClass::protocol, "the upstream's first answer is too large");
    }
  }
  bytes.resize(*size);
  if (bytes == kNoRefs) {
    return nullptr;
  }
  FRESHET_TRY(const Greeting greeting, parse_greeting(bytes));
  if (greeting.version != Greeting::Version::two) {
    return nullptr;
  }
  return std::unique_ptr<StreamSession>(
      new StreamSession(std::move(stream), greeting.capabilities));
}

StreamSession::~StreamSession() {
  if (!at_rest_) {
    return;
  }
  std::string farewell;
  append_flush(farewell);
  if (stream_->write(farewell, Patience::of({kLeave, Duration(0)}, CancelToken()))) {
    stream_->part();
  }
}

FailedAttempt StreamSession::ended(Error otherwise, bool any) {
  return {stream_->explain_end().value_or(std::move(otherwise)), false, !any};
}

Attempt<Advertisement> StreamSession::list(const std::vector<RefPattern>& patterns,
                                           const Patience& patience) {
  at_rest_ = false;
  if (const auto sent = stream_->write(encode_ls_refs(capabilities_, patterns), patience); !sent) {
    return fail_with({sent.error()});
  }
  RefListReader reader(patterns);
  for (std::uint64_t size = 0; !reader.ended();) {
    const auto bytes = stream_->read(patience);
    if (!bytes) {
      return fail_with({bytes.error()});
    }
    if (bytes->empty()) {
      return fail_with(ended(size > 0 ? cut_off("list of refs") : no_answer(), size > 0));
    }
    size += bytes->size();
    if (size > kLargestList) {
      return fail_with(
          {{ErrorClass::protocol, "the upstream's list of refs is too large", std::nullopt}});
    }
    if (const auto fed = reader.feed(*bytes); !fed) {
      return fail_with({fed.error()});
    }
  }
  auto answer = reader.finish();
  if (!answer) {
    return fail_with({answer.error()});
  }
  at_rest_ = true;
  return *std::move(answer);
}

/// All of it, so long as the pack's reader takes it. While that is slow, the upstream is not to
/// blame.
Result<FetchExchange::Take> StreamSession::hand_on(FetchExchange& exchange, std::string_view bytes,
                                                   const Patience& patience) {
  Patience unhurried = patience;
  unhurried.silence = Duration(0);
  FetchExchange::Take next = exchange.take(bytes);
  while (next == FetchExchange::Take::wait) {
    FRESHET_CHECK(stream_->await(exchange.descriptor(), POLLOUT, unhurried));
    next = exchange.take({});
  }
  return next;
}

Attempt<void> StreamSession::fetch(const FetchCommand& command, FetchExchange& exchange,
                                   const Patience& patience) {
  at_rest_ = false;
  if (const auto sent = stream_->write(encode_fetch(capabilities_, command), patience); !sent) {
    return fail_with({sent.error()});
  }
  for (bool any = false; !exchange.answered(); any = true) {
    const auto bytes = stream_->read(patience);
    if (!bytes) {
      return fail_with({bytes.error()});
    }
    if (bytes->empty()) {
      return fail_with(ended(any ? cut_off("answer to a fetch") : no_answer(), any));
    }
    const auto taken = hand_on(exchange, *bytes, patience);
    if (!taken) {
      return fail_with({taken.error()});
    }
    if (*taken == FetchExchange::Take::stop) {
      return {};
    }
  }
  at_rest_ = true;
  return {};
}

}  // namespace freshet::remote
