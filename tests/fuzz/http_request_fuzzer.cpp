// Requests of one connection, from its bytes to the answers: the connection and the exchange as the
// server has them, over a socket pair and without threads or time. The first byte of the input says
// in which pieces the rest arrives, the second whether it goes on without end.
//
// - In whichever pieces the bytes come, the same requests reach the application and get the same
// answers.
//   Only an early answer (the body need not be here) may end the connection sooner.
// - A tap sees the body of each request, all of it and nothing else, whether it is kept or not.
// - What is read as one request is one: written down again it is read as the same one.
// - Memory stays within the limits, however much is sent.

#include <fcntl.h>
#include <sanitizer/allocator_interface.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "fuzzing.h"
#include "http/answer.h"
#include "http/client.h"
#include "http/exchange.h"

namespace freshet::fuzz {
namespace {

using http::Connection;
using http::RequestReader;
using http::Response;
using Need = RequestReader::Need;
using Stage = Connection::Stage;

constexpr std::size_t kMaxBody = std::size_t{48} * 1024;
constexpr std::size_t kBudget = std::size_t{256} * 1024;
constexpr std::size_t kHead = 2048;
constexpr std::size_t kFields = 20;
constexpr std::size_t kFlood = std::size_t{512} * 1024;
/// What one read can bring beside what is kept: the input, a copy while it grows, and the head's
/// fields.
constexpr std::size_t kSlack = std::size_t{320} * 1024;

std::string written_down(const http::Request& request, const std::string& body) {
  std::string text = request.method + " ";
  for (const char c : request.path) {
    text +=
        c == '/' || c == '*' ? std::string(1, c) : http::percent_encode(std::string_view(&c, 1));
  }
  for (std::size_t i = 0; i < request.query.size(); ++i) {
    const auto& [key, value] = request.query[i];
    text += (i == 0 ? "?" : "&") + http::percent_encode(key) + "=" + http::percent_encode(value);
  }
  text += " HTTP/1.1\r\n";
  bool has_host = false;
  for (const auto& [name, value] : request.headers.all()) {
    const std::string lower = [&name = name] {
      std::string copy = name;
      for (char& c : copy) {
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      }
      return copy;
    }();
    has_host = has_host || lower == "host";
    if (lower != "content-length" && lower != "transfer-encoding" && lower != "connection" &&
        lower != "expect") {
      text += name + ": " + value + "\r\n";
    }
  }
  text += has_host ? "" : "Host: \r\n";
  text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  return text + body;
}

class Seen : public http::BodyTap {
 public:
  explicit Seen(bool keep) : keep_(keep) {}
  void update(std::string_view bytes) override { bytes_ += bytes; }
  bool keep() const override { return keep_; }
  const std::string& bytes() const { return bytes_; }

 private:
  const bool keep_;
  std::string bytes_;
};

class Recorder : public http::Application {
 public:
  explicit Recorder(bool keep) : keep_(keep) {}

  std::optional<Response> before_body(const http::Request& head) override {
    if (head.path.starts_with("/e")) {
      return http::not_found_response();
    }
    return std::nullopt;
  }
  const http::BodyPolicy& body_policy(const http::Request& head) const override {
    static const http::BodyPolicy kAny;
    static const http::BodyPolicy kSmallJson{100, {"application/json"}};
    return head.path.starts_with("/j") ? kSmallJson : kAny;
  }
  std::shared_ptr<http::BodyTap> tap_body(const http::Request& head) override {
    return std::make_shared<Seen>(!head.path.starts_with("/d"));
  }
  Response respond(const http::Request& request) override {
    require(request.tap != nullptr, "who asked to see the body is asked again");
    const auto& tap = static_cast<const Seen&>(*request.tap);
    require(request.body == (tap.keep() ? tap.bytes() : ""), "the tap has seen the whole body");
    require(tap.bytes().size() <= kMaxBody, "a body is limited");
    if (keep_) {
      taken = written_down(request, tap.bytes());
    }
    return {};
  }

  std::string taken;  ///< the last request, written down

 private:
  const bool keep_;
};

struct Transcript {
  std::vector<std::string> entries;  ///< requests with the status of their answers, in their order
  bool ended_early = false;  ///< the last one ended the connection before all of it was here
};

class Client {
 public:
  Client(const http::Shared& shared, Recorder& recorder)
      : recorder_(recorder), exchange_(recorder, shared) {
    int ends[2];
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0, "there is a socket");
    other_end_ = UniqueFd(ends[1]);
    connection_.emplace(1, http::Accepted{UniqueFd(ends[0]), {"192.0.2.1", "192.0.2.1"}}, shared);
  }

  bool open() const {
    return connection_->stage == Stage::idle || connection_->stage == Stage::receiving;
  }
  std::size_t appetite() const { return connection_->reader.appetite(); }
  const Transcript& transcript() const { return transcript_; }

  void send(std::string_view bytes) {
    if (!connection_->reader.started()) {
      connection_->take_limits();
    }
    Need need = connection_->reader.add(bytes);
    while (pursue(need) && connection_->reader.has_more_input()) {
      need = connection_->reader.advance();
    }
  }

  /// What the server does some time after the last byte: a small body that has begun is not waited
  /// for before the application decides by the head.
  void lose_patience() {
    const http::RequestReader& reader = connection_->reader;
    if (open() && reader.head_complete() && !reader.decided()) {
      pursue(Need::application);
    }
  }

 private:
  /// True: the request is over and another one may follow.
  bool pursue(Need need) {
    if (need == Need::bytes) {
      connection_->stage = Stage::receiving;
      return false;
    }
    const bool whole = connection_->reader.head_complete() && connection_->reader.whole();
    recorder_.taken.clear();
    if (need == Need::application) {
      exchange_.run(*connection_);
    } else {
      connection_->answer(connection_->reader.refusal());
    }
    require(connection_->stage != Stage::answering, "a small answer is taken at once");
    if (const std::string status = answer(); !status.empty()) {
      transcript_.entries.push_back(status + " " + recorder_.taken);
      transcript_.ended_early = need == Need::application && !whole && !open();
    }
    return connection_->stage == Stage::idle;
  }

  /// The status of what was answered; empty: nothing, or only that the body is welcome.
  std::string answer() {
    std::array<char, 8192> buffer;
    const ssize_t got = ::read(other_end_.get(), buffer.data(), buffer.size());
    std::string_view text(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    if (text.starts_with(kContinue)) {
      text.remove_prefix(kContinue.size());
    }
    require(text.empty() || text.starts_with("HTTP/1.1 "), "an answer is HTTP");
    return std::string(text.substr(0, std::min<std::size_t>(text.size(), 12)));
  }

  Recorder& recorder_;
  const http::Exchange exchange_;
  UniqueFd other_end_;
  std::optional<Connection> connection_;
  Transcript transcript_;
};

http::Options options() {
  http::Options options;
  options.head = {kHead, kFields};
  options.limits.max_body = kMaxBody;
  options.limits.body_memory = kBudget;
  return options;
}

const http::Shared& shared() {
  static const http::Shared kShared(options());
  return kShared;
}

Transcript read(std::string_view bytes, std::size_t piece) {
  Recorder recorder(true);
  Transcript transcript;
  {
    Client client(shared(), recorder);
    while (!bytes.empty() && client.open()) {
      const std::string_view part = bytes.substr(0, std::min(piece, client.appetite()));
      client.send(part);
      bytes.remove_prefix(part.size());
    }
    client.lose_patience();
    transcript = client.transcript();
  }
  require(shared().options.bodies->used() == 0, "the memory of bodies is given back");
  return transcript;
}

void check_same(const Transcript& one, const Transcript& other) {
  const std::size_t common = std::min(one.entries.size(), other.entries.size());
  for (std::size_t i = 0; i < common; ++i) {
    const bool early = (one.ended_early && i + 1 == one.entries.size()) ||
                       (other.ended_early && i + 1 == other.entries.size());
    require(early || one.entries[i] == other.entries[i], "the same bytes are the same requests");
  }
  require(one.entries.size() == other.entries.size() ||
              (one.entries.size() < other.entries.size() ? one : other).ended_early,
          "the same bytes are as many requests");
}

void check_requests(const Transcript& transcript) {
  for (const std::string& entry : transcript.entries) {
    const std::size_t space = entry.find(' ', 9);
    const std::string request = entry.substr(space + 1);
    // An empty first segment would be read as another form of target.
    // What is written down names the host and the length, and can be one field too long by that.
    const std::string head = request.substr(0, request.find("\r\n\r\n"));
    const auto fields = static_cast<std::size_t>(std::count(head.begin(), head.end(), '\n'));
    if (space != 12 || request.empty() || request.size() > kHead || fields > kFields) {
      continue;
    }
    const Transcript again = read(request, request.size());
    require(again.entries.size() == 1, "one request written down is one request");
    require(again.entries[0].substr(space + 1) == request, "and the same one");
  }
}

void check_flood(std::string_view bytes) {
  Recorder recorder(false);
  const std::string_view repeated = bytes.substr(bytes.size() / 2);
  const std::size_t before = __sanitizer_get_current_allocated_bytes();
  Client client(shared(), recorder);
  std::string part(bytes);
  for (std::size_t sent = 0;
       sent < kFlood && client.open() && client.transcript().entries.size() < 8;
       sent += part.size()) {
    part.resize(std::min(part.size(), client.appetite()));
    client.send(part);
    require(__sanitizer_get_current_allocated_bytes() < before + kBudget + kSlack,
            "memory stays within the limits");
    part = repeated;
    while (part.size() < 8192) {
      part += repeated;
    }
  }
}

}  // namespace
}  // namespace freshet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet::fuzz;
  Input input(data, size);
  const std::size_t piece = 1 + input.choice(96);
  const bool flood = input.choice(8) == 1;
  if (input.rest().size() < 2) {
    return 0;
  }
  const Transcript at_once = read(input.rest(), input.rest().size());
  check_same(at_once, read(input.rest(), piece));
  check_requests(at_once);
  if (flood) {
    check_flood(input.rest());
  }
  return 0;
}
