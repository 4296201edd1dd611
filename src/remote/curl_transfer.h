#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "remote/curl_errors.h"
#include "remote/curl_handles.h"
#include "remote/host_queue.h"
#include "remote/http_address.h"
#include "remote/http_client.h"
#include "remote/reply_collector.h"

namespace freshet::remote {

/// What was asked of the client.
struct HttpOrder {
  HttpRequest request;
  TimeLimits limits;
  CancelToken cancel;
  HttpClient::Done done;
  Instant begun;
};

/// One request on its way, and what has come of its answer. Of the client's thread.
class CurlTransfer {
 public:
  enum class Stage {
    waiting,   ///< for its turn towards the host
    starting,  ///< libcurl has it; no connection yet
    underway,  ///< sent, or being sent
    draining,  ///< all has come, but the sink has not handed on everything
  };
  struct Settings {
    std::string user_agent;
    std::string ca_file;       ///< path for CURLOPT_CAINFO
    std::string ca_directory;  ///< empty: none
    Duration connect_limit{};
  };

  /// `waiting_sinks` gets the id when the sink wants to be waited for.
  CurlTransfer(HttpOrder order_, HttpAddress address_, std::uint64_t id_,
               std::vector<std::uint64_t>& waiting_sinks);
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;
  ~CurlTransfer() = default;

  /// Takes a handle and sets it up for the request. Error config: a header that cannot be sent.
  Result<void> prepare(EasyHandle handle, const Settings& settings);
  /// The handle back, for the next one; null when there is none.
  EasyHandle release();
  CURL* handle() const { return easy_.get(); }
  /// The upstream was silent on it: once nobody uses the connection it is closed.
  void distrust_connection();

  /// The end as libcurl tells it; the answer, or the error it means. nullopt: the request is to be
  /// sent anew to `address`, behind a redirect or because a kept connection proved to be closed.
  std::optional<Result<HttpReply>> conclude(CURLcode code, Duration connect_limit);
  /// What a limit that was reached, or a lost connection, leaves: the error, or the answer when it
  /// says all with its head.
  Result<HttpReply> break_off(Error error);

  /// When which limit is reached; Instant::max() when none runs.
  Instant deadline(Duration connect_limit) const;
  Error expired(Duration connect_limit, Instant time) const;

  void enter(Stage next, Instant time);
  /// The sink's descriptor can be written to. Not inside libcurl's callbacks.
  void serve_sink();
  bool sink_waits() const { return collector_.state() == ReplyCollector::State::sink_waits; }
  bool must_end() const { return collector_.must_end(); }

  const std::uint64_t id;
  HttpOrder order;
  CancelToken::Watch cancel_watch;
  HttpAddress address;
  Stage stage = Stage::waiting;
  HostQueue::Host* host = nullptr;
  std::string host_key;                ///< of host, while it is there
  Instant scheduled = Instant::max();  ///< where it stands among the deadlines

 private:
  static constexpr int kMostRetries = 2;

  static std::size_t take_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t take_body(char* data, std::size_t size, std::size_t count, void* self);
  static int take_connection(void* self, char* ip, char* local_ip, int port, int local_port);

  bool may_be_asked(std::string_view ip);
  bool worth_another_try(CURLcode code) const;
  Result<void> write_headers();
  void set_method(EasyOptions& options);
  Duration starting_limit(Duration connect_limit) const;
  Instant patience_end(Duration connect_limit) const;
  void note_sign(Instant time);
  HttpReply take_reply();
  std::optional<std::chrono::seconds> retry_after(std::string_view value) const;
  Error collector_error() const;

  std::vector<std::uint64_t>& waiting_sinks_;
  ReplyCollector collector_;
  EasyHandle easy_;
  HeaderList headers_;
  std::array<char, CURL_ERROR_SIZE> error_text_{};
  Instant stage_since_;
  Instant last_byte_;
  int redirects_ = 0;
  const std::string first_host_;  ///< where the request was to go before any redirect
  bool first_is_internal_ = true;
  bool led_inside_ = false;
  int retries_ = 0;
  bool paused_ = false;
};

}  // namespace freshet::remote
