#pragma once

#include "base/clock.h"
#include "model/job.h"
#include "model/outcome.h"

namespace freshet::schedule {

/// How soon a delivery may start the next refresh of one repository. At once, but when refreshes
/// for deliveries found nothing new again and again: a storm of deliveries that change nothing
/// must not keep an upstream busy. What is new sets it back. Plain data, the time is an argument.
class DeliveryPace {
 public:
  static constexpr int kFree = 3;               ///< in vain, one after the other
  static constexpr Duration kFirstRest{25};     ///< doubles from there
  static constexpr Duration kLongestRest{250};  ///< what a push can lose by it at most

  void finished(const Job& job, const Outcome& outcome, Instant now);
  /// Not before.
  Instant earliest() const { return earliest_; }
  /// Somebody asks who is not to be kept waiting.
  void lift() { earliest_ = Instant::min(); }

 private:
  int in_vain_ = 0;
  Instant earliest_ = Instant::min();
};

}  // namespace freshet::schedule
