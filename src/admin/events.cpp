#include "admin/events.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/clock.h"
#include "base/json.h"

namespace freshet::admin {
namespace {

/// What a stream sends at once: bounds what a slow reader holds.
constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;
constexpr std::size_t kPieceChanges = 64;
/// Proxies end connections that are silent for longer, often after 60 seconds.
constexpr std::chrono::seconds kHeartbeat{15};

std::optional<std::uint64_t> read_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = !text.empty() && error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

}  // namespace

class Events::Stream : public http::AnswerStream {
 public:
  /// `repository`: empty: all.
  Stream(Events& events, RepositoryName repository, const std::string& last_id)
      : events_(events), repository_(std::move(repository)), number_(changes().last()) {
    std::string begin = "retry: 2000\n";
    const auto seen = number_of(last_id);
    const bool usable = seen && changes().reaches_back_to(*seen);
    if (usable) {
      number_ = *seen;
    }
    add(begin, "hello",
        Json::object({{"version", events_.version_}, {"run", events_.run_}}).dump());
    if (!last_id.empty() && !usable) {
      add(begin, "reset", "{}");
    }
    begin_ = std::move(begin);
  }
  ~Stream() override { events_.streams_.fetch_sub(1); }

  std::optional<Piece> next() override {
    if (events_.stopped_) {
      return std::nullopt;
    }
    Piece piece{std::exchange(begin_, {}), false};
    auto found = changes().since(number_, kPieceChanges);
    if (!changes().reaches_back_to(number_)) {  // asked last: only then nothing is missing
      found.clear();
      number_ = changes().last();
      add(piece.bytes, "reset", "{}");
    }
    piece.more = found.size() == kPieceChanges;
    for (const state::Changes::Change& change : found) {
      if (piece.bytes.size() > kPieceBytes) {
        piece.more = true;
        break;
      }
      number_ = change.number;
      std::visit([&](const auto& what) { tell(piece.bytes, what); }, change.what);
    }
    const Instant time = now();
    if (piece.bytes.empty() && time - last_word_ >= kHeartbeat) {
      piece.bytes = ": still here\n\n";
    }
    if (!piece.bytes.empty()) {
      last_word_ = time;
    }
    return piece;
  }

 private:
  const state::Changes& changes() const { return events_.store_.changes(); }

  /// Of an id that this process gave.
  std::optional<std::uint64_t> number_of(std::string_view id) const {
    const std::string run = events_.run_ + "-";
    return id.starts_with(run) ? read_number(id.substr(run.size())) : std::nullopt;
  }

  void add(std::string& to, std::string_view event, std::string_view data) const {
    to.append("id: ").append(events_.run_).append("-").append(std::to_string(number_));
    to.append("\nevent: ").append(event).append("\ndata: ").append(data).append("\n\n");
  }

  void tell(std::string& to, const RepositoryName& name) const {
    if (!repository_.empty() && name != repository_) {
      return;
    }
    if (const auto state = events_.store_.find(name)) {
      add(to, "repository", *events_.view_(state));
    } else {
      add(to, "removed", Json::object({{"name", name.text()}}).dump());
    }
  }

  void tell(std::string& to, const std::shared_ptr<const state::DeliveryEntry>& delivery) const {
    const auto& spoken_of = delivery->repositories;
    if (repository_.empty() ||
        std::find(spoken_of.begin(), spoken_of.end(), repository_) != spoken_of.end()) {
      add(to, "delivery", view(*delivery).dump());
    }
  }

  Events& events_;
  const RepositoryName repository_;
  std::uint64_t number_;  ///< of the last change that was told
  std::string begin_;     ///< to be said first
  Instant last_word_ = now();
};

Events::Events(const state::Store& store, View view, std::string version)
    : store_(store),
      view_(std::move(view)),
      version_(std::move(version)),
      run_(std::to_string(to_unix_millis(wall_now()))) {}

http::Response Events::open(const http::Request& request) {
  const RepositoryName repository{std::string(request.query_value("repository").value_or(""))};
  if (!repository.empty() && !store_.find(repository)) {
    return unknown_repository(repository);
  }
  if (streams_.fetch_add(1) >= kMostStreams || stopped_) {
    streams_.fetch_sub(1);
    http::Response busy =
        error_response(503, "busy", "too many streams are open; close a page that shows them");
    busy.headers.emplace_back("Retry-After", "5");
    return busy;
  }
  http::Response response;
  response.content_type = "text/event-stream";
  response.headers.emplace_back("X-Accel-Buffering", "no");  // nginx would keep small pieces back
  response.stream = std::make_shared<Stream>(
      *this, repository, std::string(request.headers.find("Last-Event-ID").value_or("")));
  return response;
}

}  // namespace freshet::admin
