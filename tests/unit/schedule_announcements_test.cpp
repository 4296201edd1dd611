#include "schedule/announcements.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace freshet::schedule {
namespace {

Announcement announcement(std::uint64_t id) {
  Announcement made{RefName("refs/heads/main"), std::nullopt, std::nullopt, {}};
  made.journal_id = id;
  return made;
}

Job job() {
  Job made;
  made.announcements = {announcement(1), announcement(2), announcement(3)};
  return made;
}

TEST(Served, IsEverythingThatTheUpstreamHad) {
  EXPECT_EQ(served_by(job(), {}), job().announcements);
  EXPECT_TRUE(still_open(job().announcements, {}).empty());
}

TEST(Served, LeavesOutWhatTheUpstreamStillLagsBehind) {
  Outcome outcome;
  outcome.lagging = {announcement(2)};
  EXPECT_THAT(served_by(job(), outcome), testing::ElementsAre(announcement(1), announcement(3)));
  EXPECT_EQ(still_open(job().announcements, outcome), outcome.lagging);
}

TEST(Served, IsNothingOfAFailedOrCancelledRefresh) {
  Outcome failed;
  failed.error = Error{ErrorClass::network, "no route", std::nullopt};
  Outcome cancelled;
  cancelled.cancelled = true;
  for (const Outcome& outcome : {failed, cancelled}) {
    EXPECT_TRUE(served_by(job(), outcome).empty());
    EXPECT_EQ(still_open(job().announcements, outcome), job().announcements);
  }
}

}  // namespace
}  // namespace freshet::schedule
