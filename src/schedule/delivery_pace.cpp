#include "schedule/delivery_pace.h"

#include <algorithm>

namespace freshet::schedule {

void DeliveryPace::finished(const Job& job, const Outcome& outcome, Instant now) {
  if (outcome.result == RefreshResult::updated) {
    in_vain_ = 0;
    lift();
    return;
  }
  const bool in_vain = job.cause == Cause::delivery && outcome.result == RefreshResult::unchanged &&
                       outcome.lagging.empty() && !outcome.cancelled;
  if (!in_vain || ++in_vain_ <= kFree) {
    return;
  }
  Duration rest = kFirstRest;
  for (int i = kFree + 1; i < in_vain_ && rest < kLongestRest; ++i) {
    rest *= 2;
  }
  earliest_ = now + std::min(rest, kLongestRest);
}

}  // namespace freshet::schedule
