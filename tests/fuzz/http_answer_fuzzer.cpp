// An upstream that is asked for its refs over HTTP, from the lines of its answers to the refs. The
// first byte of the input says how it is asked (a, b: over https, c, d: over http; b, d: with a
// sign-in), the second in which pieces the bodies come. Behind them stand the answers, in their
// order, with a line of "====" between them: head lines, an empty line, and the body as a text that
// is framed (packets.h).
//
// - Nothing of the sign-in leaves the configured host, or is sent without encryption where it was
// configured with it; and nobody is led about for long.
// - The answer comes once; refs are those that were asked for.
// - In whichever pieces a body comes, the reply is the same, and no longer than allowed.

#include "packets.h"
#include "remote/http_address.h"
#include "remote/rate_limits.h"
#include "remote/remote_query.h"
#include "remote/reply_collector.h"

namespace freshet::fuzz {
namespace {

using remote::HttpAddress;
using remote::HttpReply;
using remote::HttpRequest;
using remote::ReplyCollector;

constexpr std::uint64_t kLargestAnswer = 1024;
constexpr std::size_t kKeptOfMessages = std::size_t{64} * 1024;
const WallTime kNow = from_unix_millis(1'800'000'000'000);

/// Up to the next line of "====".
std::string_view take_answer(std::string_view& rest) {
  constexpr std::string_view kMark = "\n====\n";
  const std::size_t end = std::min(rest.find(kMark), rest.size());
  const std::string_view answer = rest.substr(0, end);
  rest.remove_prefix(std::min(end + kMark.size(), rest.size()));
  return answer;
}

Result<HttpReply> collect(std::string_view head, std::string_view body, std::size_t piece_size) {
  ReplyCollector collector(kLargestAnswer, nullptr);
  while (!head.empty()) {
    const std::size_t end = std::min(head.find('\n'), head.size());
    collector.add_line(std::string(head.substr(0, end)) + "\r\n");
    head.remove_prefix(std::min(end + 1, head.size()));
  }
  collector.add_line("\r\n");
  in_pieces(body, piece_size, [&](std::string_view piece) {
    collector.add_body(piece);
    return !collector.must_end();
  });
  require(collector.state() != ReplyCollector::State::sink_waits, "there is no sink");
  if (collector.must_end() && !collector.speaks_for_itself()) {
    return fail(ErrorClass::protocol, "too large");
  }
  HttpReply& reply = collector.reply();
  require(reply.status >= 0 && reply.status < 1000, "a status has three digits");
  require(reply.body.size() <= (collector.successful() ? kLargestAnswer : kKeptOfMessages),
          "a body is limited");
  require(!collector.successful() || reply.body == body, "a body is kept as it came");
  for (const auto& [name, value] : reply.headers) {
    require(name.find_first_of(":\n") == std::string::npos && value.find('\n') == std::string::npos,
            "a field of the head is one line");
  }
  return std::move(reply);
}

HttpReply reply_of(std::string_view answer, std::size_t piece_size, bool& broken) {
  const std::size_t blank = std::min(answer.find("\n\n"), answer.size());
  const std::string_view head = answer.substr(0, blank);
  const std::string body = framed(answer.substr(std::min(blank + 2, answer.size())));
  auto reply = collect(head, body, 0);
  const auto in_parts = collect(head, body, piece_size);
  require(reply.has_value() == in_parts.has_value(), "pieces make no difference");
  broken = !reply;
  if (!reply) {
    return {};
  }
  require(reply->status == in_parts->status && reply->body == in_parts->body &&
              reply->headers == in_parts->headers && reply->content_type == in_parts->content_type,
          "the same reply comes in pieces");
  if (const auto limit = remote::read_rate_limit(reply->headers, kNow)) {
    require(limit->remaining >= 0 && limit->quota.value_or(0) >= 0, "a quota is no debt");
    require(limit->resets <= kNow + std::chrono::hours(24 * 367), "a quota is full again one day");
  }
  return *std::move(reply);
}

std::string location_in(const HttpReply& reply) {
  for (const auto& [name, value] : reply.headers) {
    if (name == "location") {
      return value;
    }
  }
  return "";
}

/// Answers from a script, and follows redirects as the real client does.
class Script : public remote::HttpClient {
 public:
  Script(std::string_view answers, std::size_t piece_size)
      : answers_(answers), piece_size_(piece_size) {}

  Result<HttpReply> send(const HttpRequest& request, const remote::TimeLimits& /*limits*/,
                         const CancelToken& /*cancel*/) override {
    const auto configured = remote::parse_address(request.url);
    if (!configured) {
      return fail(configured.error());
    }
    HttpAddress at = *configured;
    for (int followed = 0;; ++followed) {
      require(followed <= 5, "nobody is led about for long");
      check_request(request, at);
      if (answers_.empty()) {
        return fail(ErrorClass::network, "there is nobody");
      }
      bool broken = false;
      HttpReply reply = reply_of(take_answer(answers_), piece_size_, broken);
      if (broken) {
        return fail(ErrorClass::protocol, "the answer is larger than 1024 bytes");
      }
      const auto next = judge_redirect(request, at, reply.status,
                                       reply.status / 100 == 3 ? location_in(reply) : "", followed);
      if (!next) {
        return fail(next.error());
      }
      if (next->next == remote::Redirection::Next::reply) {
        reply.final_url = at.url;
        return reply;
      }
      require(next->to.secure || !at.secure, "no redirect leads from https to http");
      at = next->to;
    }
  }

  void send_async(HttpRequest request, const remote::TimeLimits& limits, const CancelToken& cancel,
                  Done done) override {
    require(++requests_ <= 3, "a list takes three requests at the most");
    done(send(request, limits, cancel));
  }

 private:
  void check_request(const HttpRequest& request, const HttpAddress& at) const {
    const auto again = remote::parse_address(at.url);
    require(again && again->url == at.url && again->host == at.host && again->port == at.port &&
                again->secure == at.secure,
            "where a request goes has one reading");
    require(std::all_of(at.url.begin(), at.url.end(),
                        [](unsigned char c) { return c > ' ' && c != 0x7f; }),
            "where a request goes holds no blank and no control character");
    if (!request.authorization.empty()) {
      require(at.host == "git.example.com", "the sign-in stays with its host");
      require(at.port == "443" || (at.port == "80" && !at.secure), "and with its port");
    }
  }

  std::string_view answers_;
  const std::size_t piece_size_;
  int requests_ = 0;
};

}  // namespace
}  // namespace freshet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet;
  using namespace freshet::fuzz;
  Input input(data, size);
  const std::size_t how = input.choice(4);
  const std::size_t piece = 1 + input.choice(96);
  Script client(input.rest(), piece);
  const std::string scheme = how < 2 ? "https" : "http";
  const std::vector<remote::RefPattern> patterns{{"HEAD"}, {"refs/heads/*"}};
  auto query = std::make_shared<remote::RemoteQuery>(
      remote::RemoteQuery{client,
                          std::make_shared<remote::RemoteMemory>(),
                          {UpstreamUrl::parse(scheme + "://git.example.com/acme/docs.git").value(),
                           how % 2 == 1 ? Secret("Bearer word") : Secret(), ""},
                          {},
                          CancelToken()});
  int answers = 0;
  ask_refs(query, patterns, [&](const remote::RefsAnswer& answer) {
    ++answers;
    if (!answer) {
      check_upstream_error(answer.error().error);
      return;
    }
    for (const auto& [ref, id] : *answer ? (*answer)->refs : decltype((*answer)->refs)()) {
      require(ref.text().starts_with("refs/heads/") && is_valid_ref(ref.text()),
              "a ref was asked for");
    }
  });
  require(answers == 1, "the answer comes once");
  return 0;
}
