#include "remote/stream_fetch.h"

#include <system_error>
#include <thread>

namespace freshet::remote {

void StreamFetch::start(const FetchCommand& command, std::shared_ptr<FetchExchange> exchange,
                        [[maybe_unused]] bool with_tags) {
  Patience patience = patience_;
  patience.cancels.push_back(exchange->stop());
  const auto moved = std::make_shared<Arrival<bool>>();
  try {
    // Not to be joined: what forks while an ended thread waits for that is told of a leak by the
    // thread sanitizer.
    std::thread([&session = session_, command, exchange, patience = std::move(patience), moved] {
      exchange->end(session.fetch(command, *exchange, patience));
      moved->put(true);
    }).detach();
    moved_ = moved;
  } catch (const std::system_error& error) {
    exchange->end(fail_with({system_error(error.code().value(), "cannot start a thread")}));
  }
}

void StreamFetch::wait_for_mover() {
  if (moved_) {
    moved_->take();
    moved_.reset();
  }
}

Attempt<std::optional<Advertisement>> StreamFetch::take_tags() {
  wait_for_mover();
  auto tags = session_.list({{"refs/tags/*"}}, patience_);
  if (!tags) {
    return fail_with({tags.error().error});
  }
  return std::optional(*std::move(tags));
}

}  // namespace freshet::remote
