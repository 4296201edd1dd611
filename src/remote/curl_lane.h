#pragma once

#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "remote/curl_handles.h"
#include "remote/poller.h"

namespace freshet::remote {

/// One multi handle of libcurl with its connections, driven by a Poller. Of one thread.
class CurlLane {
 public:
  struct Limits {
    long connections_per_host = 0;
    long connections = 0;
    long streams = 0;  ///< at once on one HTTP/2 connection
  };
  struct Finished {
    CURL* easy;
    CURLcode code;
  };

  /// `socket_kind` is how its sockets are called in `poller`, which must outlive it.
  static Result<std::unique_ptr<CurlLane>> create(Poller& poller, Poller::Kind socket_kind,
                                                  const Limits& limits);
  CurlLane(const CurlLane&) = delete;
  CurlLane& operator=(const CurlLane&) = delete;
  ~CurlLane() = default;

  CURLMcode add(CURL* easy) { return curl_multi_add_handle(multi_.get(), easy); }
  void remove(CURL* easy) { curl_multi_remove_handle(multi_.get(), easy); }

  void on_socket(int descriptor, std::uint32_t events);
  void on_time(Instant time);                  ///< does nothing before next_time()
  Instant next_time() const { return next_; }  ///< when libcurl wants to be called

  /// The transfers that have ended since the last call. They are still in the lane.
  std::vector<Finished> take_finished();

 private:
  CurlLane(Poller& poller, Poller::Kind socket_kind)
      : poller_(poller), socket_kind_(socket_kind), multi_(curl_multi_init()) {}
  static int watch_socket(CURL* easy, curl_socket_t descriptor, int what, void* lane,
                          void* of_socket);
  static int set_timer(CURLM* multi, long milliseconds, void* lane);

  Poller& poller_;
  const Poller::Kind socket_kind_;
  Instant next_ = Instant::max();
  MultiHandle multi_;  // last: when it goes, it still calls back
};

}  // namespace freshet::remote
