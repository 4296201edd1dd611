#include "state/ledger_entry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/announce_to_publish.h"

namespace freshet::state {
namespace {

using namespace std::chrono_literals;

const WallTime kNoon = from_unix_millis(1'700'000'000'000);
const ObjectId kOld = *ObjectId::parse(std::string(40, 'a'));
const ObjectId kNew = *ObjectId::parse(std::string(40, 'b'));

Outcome outcome(RefreshResult result, Cause cause) {
  Outcome outcome;
  outcome.repository = RepositoryName("docs");
  outcome.cause = cause;
  outcome.ticket = 7;
  outcome.result = result;
  outcome.started = kNoon;
  outcome.ended = kNoon + 100ms;
  if (result == RefreshResult::failed) {
    outcome.error = Error{ErrorClass::network, "no route", std::nullopt};
  }
  return outcome;
}

CheckoutStatus checkout(const ObjectId& commit, WallTime published_at) {
  return {"/srv/docs", "HEAD", "atomic", commit, published_at, CheckoutState::ok};
}

Announcement announcement(WallTime at, std::optional<ObjectId> after = kNew) {
  return {RefName("refs/heads/main"), std::nullopt, std::move(after), at};
}

TEST(LedgerEntry, IsNotMadeOfWhatDidAndFoundNothing) {
  EXPECT_FALSE(entry_of(outcome(RefreshResult::unchanged, Cause::poll)));
  EXPECT_FALSE(entry_of(outcome(RefreshResult::unchanged, Cause::retry)));
  Outcome cancelled = outcome(RefreshResult::failed, Cause::delivery);
  cancelled.cancelled = true;
  EXPECT_FALSE(entry_of(cancelled));
}

TEST(LedgerEntry, IsMadeOfWhatChangedFailedOrWasAskedFor) {
  EXPECT_TRUE(entry_of(outcome(RefreshResult::updated, Cause::poll)));
  EXPECT_TRUE(entry_of(outcome(RefreshResult::failed, Cause::poll)));
  for (const Cause cause : {Cause::delivery, Cause::manual, Cause::start}) {
    EXPECT_TRUE(entry_of(outcome(RefreshResult::unchanged, cause)));
  }
  Outcome served = outcome(RefreshResult::unchanged, Cause::retry);
  served.served = {announcement(kNoon)};
  EXPECT_TRUE(entry_of(served));
  Outcome gave_up = outcome(RefreshResult::unchanged, Cause::retry);
  gave_up.gave_up = true;
  ASSERT_TRUE(entry_of(gave_up)) << "it ends the wait of a delivery";
  EXPECT_FALSE(entry_of(gave_up)->lagging);
}

TEST(LedgerEntry, SaysWhenTheChangeWasToBeSeen) {
  Outcome updated = outcome(RefreshResult::updated, Cause::poll);
  updated.checkouts = {checkout(kNew, kNoon + 60ms), checkout(kOld, kNoon - 1h)};
  EXPECT_EQ(entry_of(updated)->published_at, kNoon + 60ms);
  updated.checkouts.clear();
  EXPECT_EQ(entry_of(updated)->published_at, updated.ended) << "a mirror has no switch";
  EXPECT_FALSE(entry_of(outcome(RefreshResult::unchanged, Cause::manual))->published_at);
}

TEST(AnnounceToPublish, GoesFromTheArrivalToTheSwitchForEachThatWasServed) {
  Outcome updated = outcome(RefreshResult::updated, Cause::delivery);
  updated.checkouts = {checkout(kNew, kNoon + 50ms)};
  updated.served = {announcement(kNoon - 450ms), announcement(kNoon - 950ms, kOld)};
  EXPECT_THAT(announce_to_publish(updated), testing::ElementsAre(Seconds(0.5), Seconds(1.0)));
}

TEST(AnnounceToPublish, LeavesOutWhatWasPublishedBeforeTheRefresh) {
  Outcome updated = outcome(RefreshResult::updated, Cause::delivery);
  updated.checkouts = {checkout(kNew, kNoon - 1min), checkout(kOld, kNoon + 50ms)};
  updated.served = {announcement(kNoon - 1s, kNew)};
  EXPECT_THAT(announce_to_publish(updated), testing::IsEmpty());
}

TEST(AnnounceToPublish, SaysNothingOfAnUnchangedRefresh) {
  Outcome unchanged = outcome(RefreshResult::unchanged, Cause::delivery);
  unchanged.checkouts = {checkout(kNew, kNoon + 50ms)};
  unchanged.served = {announcement(kNoon - 1s)};
  EXPECT_THAT(announce_to_publish(unchanged), testing::IsEmpty());
}

TEST(AnnounceToPublish, EndsWithTheRefreshWhereNothingIsCheckedOut) {
  Outcome updated = outcome(RefreshResult::updated, Cause::delivery);
  updated.served = {announcement(kNoon - 900ms)};
  EXPECT_THAT(announce_to_publish(updated), testing::ElementsAre(Seconds(1.0)));
}

TEST(RecentTimes, HoldTheLastAndWhatWasWorstInTheHourBefore) {
  RecentTimes times;
  EXPECT_FALSE(times.last());
  times.observe(kNoon, Seconds(9));
  times.observe(kNoon + 40min, Seconds(3));
  times.observe(kNoon + 41min, Seconds(2));
  EXPECT_EQ(times.last(), Seconds(2));
  EXPECT_EQ(times.worst(), Seconds(9));
  EXPECT_EQ(times.count(), 3);
  times.observe(kNoon + 70min, Seconds(1));
  EXPECT_EQ(times.worst(), Seconds(3));
  EXPECT_EQ(times.count(), 3);
  times.observe(kNoon + 24h, Seconds(0.5));
  EXPECT_EQ(times.worst(), Seconds(0.5));
  EXPECT_EQ(times.count(), 1);
}

TEST(RefusalGate, ListsAFewAtOnceAndSomeAMinuteAndCountsTheOthers) {
  RefusalGate gate;
  const Instant begin = Instant{} + 1h;
  int listed = 0;
  for (int i = 0; i < 100'000; ++i) {
    listed += gate.admits(begin) ? 1 : 0;
  }
  EXPECT_EQ(listed, RefusalGate::kBurst);
  EXPECT_EQ(gate.take_unlisted(), 100'000 - listed);
  EXPECT_EQ(gate.take_unlisted(), 0);
  EXPECT_FALSE(gate.admits(begin + RefusalGate::kBetween - 1ms));
  EXPECT_TRUE(gate.admits(begin + RefusalGate::kBetween));
  EXPECT_FALSE(gate.admits(begin + RefusalGate::kBetween));
}

TEST(RefusalGate, SavesUpNoMoreThanItsBurst) {
  RefusalGate gate;
  const Instant begin = Instant{} + 1h;
  EXPECT_TRUE(gate.admits(begin));
  int listed = 0;
  for (int i = 0; i < 100; ++i) {
    listed += gate.admits(begin + 24h) ? 1 : 0;
  }
  EXPECT_EQ(listed, RefusalGate::kBurst);
}

}  // namespace
}  // namespace freshet::state
