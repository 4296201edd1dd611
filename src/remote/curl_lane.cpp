#include "remote/curl_lane.h"

namespace freshet::remote {

Result<std::unique_ptr<CurlLane>> CurlLane::create(Poller& poller, Poller::Kind socket_kind,
                                                   const Limits& limits) {
  std::unique_ptr<CurlLane> lane(new CurlLane(poller, socket_kind));
  CURLM* multi = lane->multi_.get();
  if (multi == nullptr) {
    return fail(ErrorClass::internal, "libcurl cannot start");
  }
  CurlLane* self = lane.get();
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &watch_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, self);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &set_timer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, self);
  curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
  curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, limits.streams);
  curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, limits.connections_per_host);
  curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, limits.connections);
  // How many stay open; by default as many as four times the requests at the moment.
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, limits.connections);
  return lane;
}

int CurlLane::watch_socket(CURL* /*easy*/, curl_socket_t descriptor, int what, void* lane,
                           void* /*of_socket*/) {
  auto* self = static_cast<CurlLane*>(lane);
  if (what == CURL_POLL_REMOVE) {
    self->poller_.forget(descriptor);
    return 0;
  }
  const std::uint32_t events = (what == CURL_POLL_IN      ? std::uint32_t{EPOLLIN}
                                : what == CURL_POLL_OUT   ? std::uint32_t{EPOLLOUT}
                                : what == CURL_POLL_INOUT ? std::uint32_t{EPOLLIN | EPOLLOUT}
                                                          : 0U);
  // An error told to libcurl would end the lane for good; so the request's clocks find it.
  self->poller_.watch(self->socket_kind_, descriptor, events);
  return 0;
}

int CurlLane::set_timer(CURLM* /*multi*/, long milliseconds, void* lane) {
  static_cast<CurlLane*>(lane)->next_ =
      milliseconds < 0 ? Instant::max() : now() + Duration(milliseconds);
  return 0;
}

void CurlLane::on_socket(int descriptor, std::uint32_t events) {
  const int mask = ((events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                   ((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                   ((events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
  int running = 0;
  curl_multi_socket_action(multi_.get(), descriptor, mask, &running);
}

void CurlLane::on_time(Instant time) {
  if (time < next_) {
    return;
  }
  next_ = Instant::max();
  int running = 0;
  curl_multi_socket_action(multi_.get(), CURL_SOCKET_TIMEOUT, 0, &running);
}

std::vector<CurlLane::Finished> CurlLane::take_finished() {
  std::vector<Finished> finished;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg == CURLMSG_DONE) {
      finished.push_back({message->easy_handle, message->data.result});
    }
  }
  return finished;
}

}  // namespace freshet::remote
