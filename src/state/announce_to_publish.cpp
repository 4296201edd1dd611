#include "state/announce_to_publish.h"

#include <algorithm>

namespace freshet::state {
namespace {

bool switched_by(const Outcome& outcome, const CheckoutStatus& checkout) {
  return checkout.published_at && *checkout.published_at + kFileClockTick >= outcome.started;
}

/// When this announcement was to be seen; nullopt: the refresh changed nothing for it.
std::optional<WallTime> published_at(const Outcome& outcome, const Announcement& announcement) {
  for (const CheckoutStatus& checkout : outcome.checkouts) {
    if (announcement.after && checkout.commit == announcement.after) {
      return switched_by(outcome, checkout) ? checkout.published_at : std::nullopt;
    }
  }
  // What came in a burst is published with what came last; but what the upstream never showed was
  // not published at all.
  return announcement.lagged && announcement.after ? std::nullopt : change_published_at(outcome);
}

}  // namespace

std::optional<WallTime> change_published_at(const Outcome& outcome) {
  if (outcome.checkouts.empty()) {
    return outcome.result == RefreshResult::updated ? std::optional(outcome.ended) : std::nullopt;
  }
  std::optional<WallTime> last;
  for (const CheckoutStatus& checkout : outcome.checkouts) {
    if (switched_by(outcome, checkout)) {
      last = std::max(last.value_or(*checkout.published_at), *checkout.published_at);
    }
  }
  return last;
}

std::vector<Seconds> announce_to_publish(const Outcome& outcome) {
  std::vector<Seconds> times;
  if (outcome.result != RefreshResult::updated) {
    return times;
  }
  for (const Announcement& announcement : outcome.served) {
    const auto at = published_at(outcome, announcement);
    if (at && *at + kFileClockTick >= announcement.at) {
      times.push_back(std::max(Seconds(0), Seconds(*at - announcement.at)));
    }
  }
  return times;
}

void RecentTimes::observe(WallTime at, Seconds time) {
  const std::int64_t number = to_unix_millis(at) / 300'000;  // five minutes
  Step& step = steps_[static_cast<std::size_t>(number) % steps_.size()];
  if (step.number != number) {
    step = {number, Seconds(0), 0};
  }
  step.worst = std::max(step.worst, time);
  ++step.count;
  last_ = time;
  newest_ = number;
}

Seconds RecentTimes::worst() const {
  Seconds worst{0};
  for (const Step& step : steps_) {
    if (step.number > newest_ - static_cast<std::int64_t>(steps_.size())) {
      worst = std::max(worst, step.worst);
    }
  }
  return worst;
}

std::int64_t RecentTimes::count() const {
  std::int64_t count = 0;
  for (const Step& step : steps_) {
    if (step.number > newest_ - static_cast<std::int64_t>(steps_.size())) {
      count += step.count;
    }
  }
  return count;
}

}  // namespace freshet::state
