#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/outcome.h"

namespace freshet::state {

using Seconds = std::chrono::duration<double>;

/// File systems keep the time of a switch by a clock that ticks this rarely, rounded down.
constexpr std::chrono::milliseconds kFileClockTick{10};

/// When a refresh's change was to be seen: the last switch that it made, or its end where nothing
/// is published as a tree. nullopt: it changed nothing.
std::optional<WallTime> change_published_at(const Outcome& outcome);

/// For each announcement that the refresh served with a published change: from the arrival of its
/// delivery to the switch. What was published already (a replay, an unchanged ref) is left out.
std::vector<Seconds> announce_to_publish(const Outcome& outcome);

/// The last of these times, and the worst and the number of those in the hour up to the last one,
/// in steps of five minutes. A value.
class RecentTimes {
 public:
  void observe(WallTime at, Seconds time);
  std::optional<Seconds> last() const { return last_; }
  Seconds worst() const;
  std::int64_t count() const;

 private:
  struct Step {
    std::int64_t number = -1;  ///< of the five minutes since the epoch
    Seconds worst{};
    std::int64_t count = 0;
  };
  std::array<Step, 12> steps_;
  std::optional<Seconds> last_;
  std::int64_t newest_ = -1;
};

}  // namespace freshet::state
