// A conversation with an upstream over one connection, as with ssh and git's own daemon: greeting,
// two lists of refs, a fetch. The input is what the upstream says, as a text that is framed
// (packets.h); a line of "====" ends what it says at one time.
//
// - It ends by itself, and what was cut off is an error.
// - What is said to the upstream are whole packets, whatever it answers.

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "packets.h"
#include "remote/stream_session.h"

namespace freshet::fuzz {
namespace {

using remote::FetchExchange;
using remote::Patience;
using remote::StreamSession;

/// Keeps what is written to it apart as one read gets it.
class Line : public remote::Duplex {
 public:
  explicit Line(UniqueFd end) : end_(std::move(end)) {}
  void part() override {}
  std::optional<Error> explain_end() override { return std::nullopt; }

 protected:
  int input() const override { return end_.get(); }
  int output() const override { return end_.get(); }

 private:
  const UniqueFd end_;
};

void say(int end, std::string_view text) {
  constexpr std::string_view kMark = "\n====\n";
  while (!text.empty()) {
    const std::size_t size = std::min(text.find(kMark), text.size());
    const std::string bytes = framed(text.substr(0, size));
    if (!bytes.empty()) {  // nothing would look like the end
      static_cast<void>(::send(end, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
    }
    text.remove_prefix(std::min(size + kMark.size(), text.size()));
  }
}

template <class T>
bool fine(const remote::Attempt<T>& attempt) {
  if (!attempt) {
    check_upstream_error(attempt.error().error);
  }
  return attempt.has_value();
}

void fetch(StreamSession& session, const Patience& patience) {
  int ends[2];
  require(::pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0, "there is a pipe");
  const UniqueFd reading(ends[0]);
  const auto exchange = FetchExchange::create({UniqueFd(ends[1]), 0, {}});
  remote::FetchCommand command;
  command.wants.push_back(*ObjectId::parse(std::string(40, 'a')));
  const auto brought = session.fetch(command, *exchange, patience);
  exchange->end(brought);
  if (fine(brought)) {
    fine(exchange->wait());
  }
}

void talk(std::unique_ptr<remote::Duplex> line) {
  const Patience patience = Patience::of({std::chrono::seconds(5), {}}, CancelToken());
  const auto session = StreamSession::open(std::move(line), patience);
  if (!session) {
    check_upstream_error(session.error());
    return;
  }
  if (*session == nullptr) {
    return;
  }
  for (int i = 0; i < 2; ++i) {
    const auto refs = (*session)->list({{"HEAD"}, {"refs/heads/*"}}, patience);
    if (!fine(refs)) {
      return;
    }
    for (const auto& [ref, id] : refs->refs) {
      require(ref.text().starts_with("refs/heads/") && is_valid_ref(ref.text()),
              "a ref was asked for");
    }
  }
  fetch(**session, patience);
}

void check_what_was_said(int end) {
  remote::PacketDecoder decoder;
  std::array<char, 8192> buffer;
  for (ssize_t count; (count = ::recv(end, buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0;) {
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
    for (;;) {
      const auto packet = decoder.next(bytes);
      require(packet.has_value(), "what is said are packets");
      if (!*packet) {
        break;
      }
    }
  }
  require(decoder.at_boundary(), "what is said are whole packets");
}

}  // namespace
}  // namespace freshet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet;
  using namespace freshet::fuzz;
  int ends[2];
  require(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "there is a socket");
  const UniqueFd upstream(ends[0]);
  auto line = std::make_unique<Line>(UniqueFd(ends[1]));
  say(upstream.get(), std::string_view(reinterpret_cast<const char*>(data), size));
  ::shutdown(upstream.get(), SHUT_WR);
  talk(std::move(line));
  check_what_was_said(upstream.get());
  return 0;
}
