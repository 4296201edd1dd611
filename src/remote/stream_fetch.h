#pragma once

#include <memory>

#include "remote/arrival.h"
#include "remote/fetch.h"
#include "remote/stream_session.h"

namespace freshet::remote {

/// A fetch as a command of a conversation; a thread of its own moves the answer. The tags are asked
/// for when it is over.
class StreamFetch : public FetchTransport {
 public:
  /// The session must outlive it, and nobody else uses it meanwhile.
  StreamFetch(StreamSession& session, Patience patience)
      : session_(session), patience_(std::move(patience)) {}
  ~StreamFetch() override { wait_for_mover(); }

  void start(const FetchCommand& command, std::shared_ptr<FetchExchange> exchange,
             bool with_tags) override;
  Attempt<std::optional<Advertisement>> take_tags() override;
  std::optional<Duration> time_left() const override { return patience_.left(); }

 private:
  void wait_for_mover();

  StreamSession& session_;
  const Patience patience_;
  std::shared_ptr<Arrival<bool>> moved_;  ///< empty: no thread has the session
};

}  // namespace freshet::remote
