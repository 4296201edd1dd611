// What the plan does for a repository that a person has paused.
#include <gtest/gtest.h>

#include "schedule/plan.h"

namespace freshet::schedule {
namespace {

using namespace std::chrono_literals;

const Instant kStart{std::chrono::hours(1)};
const RepositoryName kDocs("docs");

Followed docs(bool paused = false) {
  return {kDocs, HostKey("host"), Duration(60s), std::nullopt, false, paused};
}

Trigger trigger(Cause cause) {
  return {kDocs, cause, {}, ""};
}

Trigger delivery(std::uint64_t journal_id) {
  const Announcement announcement{RefName("refs/heads/main"), ObjectId::parse(std::string(40, 'a')),
                                  ObjectId::parse(std::string(40, 'b')), WallTime{}, journal_id};
  return {kDocs, Cause::delivery, {announcement}, ""};
}

Outcome succeeded(const Job& job) {
  Outcome outcome;
  outcome.repository = job.repository;
  outcome.ticket = job.ticket;
  return outcome;
}

Outcome failed(const Job& job) {
  Outcome outcome = succeeded(job);
  outcome.result = RefreshResult::failed;
  outcome.error = Error{ErrorClass::network, "no", std::nullopt};
  return outcome;
}

/// The first refresh is over.
Plan settled_plan() {
  Plan plan({});
  plan.follow(docs(), kStart);
  plan.finish(succeeded(*plan.start_next(kStart)), kStart, 0);
  return plan;
}

bool sleeps(Plan& plan) {
  return plan.wakes_at() == Instant::max() && !plan.has_ready() && plan.waiting() == 0 &&
         !plan.start_next(kStart + 10h) && !plan.start_next_probe(kStart + 10h);
}

TEST(PausedPlan, StartsNothingByItself) {
  Plan plan = settled_plan();
  plan.pause(kDocs, kStart);
  EXPECT_TRUE(plan.is_paused(kDocs));
  EXPECT_TRUE(sleeps(plan));
}

TEST(PausedPlan, KeepsWhateverComesForTheRefreshAtResume) {
  for (const Cause cause : {Cause::start, Cause::poll, Cause::retry, Cause::manual}) {
    Plan plan = settled_plan();
    plan.pause(kDocs, kStart);
    plan.trigger(trigger(cause), kStart);
    plan.trigger(delivery(1), kStart);
    const Ticket last = plan.trigger(delivery(2), kStart)->receipt.ticket;
    EXPECT_TRUE(sleeps(plan)) << to_string(cause);
    plan.resume(kDocs, kStart + 1h);
    const auto job = plan.start_next(kStart + 1h);
    ASSERT_TRUE(job) << to_string(cause);
    EXPECT_EQ(job->announcements.size(), 2U);
    EXPECT_GE(job->ticket, last);
    EXPECT_FALSE(plan.start_next(kStart + 1h));
    const auto finished = plan.finish(succeeded(*job), kStart + 1h, 0);
    EXPECT_EQ(finished.settled, (std::vector<std::uint64_t>{1, 2}));
    EXPECT_TRUE(finished.next);
  }
}

TEST(PausedPlan, RefreshesAtOnceWhenItIsResumedForPollsMayHaveBeenMissed) {
  Plan plan = settled_plan();
  plan.pause(kDocs, kStart);
  plan.resume(kDocs, kStart + 1s);
  const auto job = plan.start_next(kStart + 1s);
  ASSERT_TRUE(job);
  EXPECT_EQ(job->cause, Cause::manual);
  EXPECT_FALSE(plan.is_paused(kDocs));
}

TEST(PausedPlan, ResumesOnlyWhatIsPaused) {
  Plan plan = settled_plan();
  plan.resume(kDocs, kStart);
  EXPECT_FALSE(plan.has_ready());
  plan.pause(RepositoryName("other"), kStart);
  plan.resume(RepositoryName("other"), kStart);
  EXPECT_FALSE(plan.has_ready());
}

TEST(PausedPlan, TakesWhatWaitsInLineOutOfIt) {
  Plan plan = settled_plan();
  plan.trigger(delivery(1), kStart);
  EXPECT_EQ(plan.waiting(), 1U);
  plan.pause(kDocs, kStart);
  EXPECT_TRUE(sleeps(plan));
  plan.resume(kDocs, kStart);
  EXPECT_EQ(plan.waiting(), 1U);
  EXPECT_EQ(plan.start_next(kStart)->announcements.size(), 1U);
}

TEST(PausedPlan, TakesWhatRestsOutOfItsRest) {
  Plan plan = settled_plan();
  for (int i = 0; i <= DeliveryPace::kFree; ++i) {  // deliveries in vain
    plan.trigger(delivery(0), kStart);
    plan.finish(succeeded(*plan.start_next(kStart + 1min)), kStart + 1min, 0);
  }
  plan.trigger(delivery(1), kStart + 1min);
  ASSERT_FALSE(plan.has_ready());
  plan.pause(kDocs, kStart + 1min);
  EXPECT_TRUE(sleeps(plan));
  plan.resume(kDocs, kStart + 1min);
  EXPECT_TRUE(plan.start_next(kStart + 1min));
}

TEST(PausedPlan, LetsARunningRefreshEndAndKeepsWhatItDidNotServe) {
  Plan plan = settled_plan();
  plan.trigger(delivery(1), kStart);
  const Job job = *plan.start_next(kStart);
  plan.pause(kDocs, kStart);
  EXPECT_TRUE(plan.is_running(kDocs));
  plan.trigger(delivery(2), kStart);
  const auto finished = plan.finish(failed(job), kStart + 1s, 0);
  EXPECT_FALSE(finished.next);
  EXPECT_TRUE(finished.settled.empty());
  EXPECT_EQ(plan.running(), 0U);
  EXPECT_TRUE(sleeps(plan));
  plan.resume(kDocs, kStart + 2s);
  EXPECT_EQ(plan.start_next(kStart + 2s)->announcements.size(), 2U);
}

TEST(PausedPlan, PlansNoRetryAndNoLookAtALaggingUpstream) {
  Plan plan = settled_plan();
  plan.trigger(delivery(1), kStart);
  const Job job = *plan.start_next(kStart);
  Outcome lagging = succeeded(job);
  lagging.lagging = job.announcements;
  ASSERT_TRUE(plan.finish(lagging, kStart, 0).next);
  plan.pause(kDocs, kStart);
  EXPECT_TRUE(sleeps(plan));
  plan.resume(kDocs, kStart + 1s);
  const auto again = plan.start_next(kStart + 1s);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->announcements.size(), 1U);
}

TEST(PausedPlan, IsNotWokenByAnotherIntervalOrByFollowingItAgain) {
  Plan plan = settled_plan();
  plan.pause(kDocs, kStart);
  Followed changed = docs();
  changed.interval = Duration(1s);
  plan.follow(changed, kStart);
  plan.change_limits({}, kStart);
  EXPECT_TRUE(plan.is_paused(kDocs));
  EXPECT_TRUE(sleeps(plan));
}

TEST(PausedPlan, FollowsPausedWhatWasPausedBefore) {
  Plan plan({});
  plan.follow(docs(true), kStart);
  EXPECT_TRUE(sleeps(plan));
  plan.trigger(delivery(7), kStart);
  EXPECT_TRUE(sleeps(plan));
  plan.resume(kDocs, kStart);
  EXPECT_EQ(plan.start_next(kStart)->announcements.size(), 1U);
}

TEST(PausedPlan, GivesBackWhatWasAnnouncedWhenItIsForgotten) {
  Plan plan({});
  plan.follow(docs(true), kStart);
  plan.trigger(delivery(7), kStart);
  EXPECT_EQ(plan.forget(kDocs, kStart).size(), 1U);
  EXPECT_TRUE(sleeps(plan));
}

TEST(PausedPlan, KeepsWhatAProbeFoundUntilResume) {
  Plan plan({});
  Followed probed = docs();
  probed.probes = true;
  plan.follow(probed, kStart);
  plan.finish(succeeded(*plan.start_next(kStart)), kStart, 0);
  const Instant poll = plan.wakes_at();
  ASSERT_TRUE(plan.start_next_probe(poll));
  plan.pause(kDocs, poll);
  plan.needs_refresh(kDocs, poll);
  EXPECT_TRUE(sleeps(plan));
  plan.resume(kDocs, poll);
  EXPECT_TRUE(plan.start_next(poll));
}

}  // namespace
}  // namespace freshet::schedule
