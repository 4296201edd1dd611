#include "schedule/plan.h"

#include <gtest/gtest.h>

namespace freshet::schedule {
namespace {

using namespace std::chrono_literals;

const Instant kStart{std::chrono::hours(1)};

Followed repository(const std::string& name, const std::string& host = "host",
                    std::optional<Duration> interval = Duration(60s)) {
  return {RepositoryName(name), HostKey(host), interval};
}

Trigger trigger(const std::string& name, Cause cause) {
  return {RepositoryName(name), cause, {}, ""};
}

Trigger delivery(const std::string& name, std::uint64_t journal_id) {
  Announcement announcement{RefName("refs/heads/main"), ObjectId::parse(std::string(40, 'a')),
                            ObjectId::parse(std::string(40, 'b')), WallTime{}, journal_id};
  return {RepositoryName(name), Cause::delivery, {announcement}, ""};
}

Outcome succeeded(const Job& job) {
  Outcome outcome;
  outcome.repository = job.repository;
  outcome.ticket = job.ticket;
  return outcome;
}

Outcome failed(const Job& job, ErrorClass error_class = ErrorClass::network) {
  Outcome outcome = succeeded(job);
  outcome.result = RefreshResult::failed;
  outcome.error = Error{error_class, "no", std::nullopt};
  return outcome;
}

/// A plan with one repository whose first refresh is over.
Plan settled_plan(Limits limits = {}, std::optional<Duration> interval = Duration(60s)) {
  Plan plan(limits);
  plan.follow(repository("docs", "host", interval), kStart);
  plan.finish(succeeded(*plan.start_next(kStart)), kStart, 0);
  return plan;
}

TEST(Plan, RefreshesEveryRepositoryOnceAtStart) {
  Plan plan({});
  plan.follow(repository("a"), kStart);
  plan.follow(repository("b"), kStart);
  EXPECT_EQ(plan.start_next(kStart)->repository, RepositoryName("a"));
  const auto second = plan.start_next(kStart);
  EXPECT_EQ(second->repository, RepositoryName("b"));
  EXPECT_EQ(second->cause, Cause::start);
  EXPECT_FALSE(plan.start_next(kStart));
}

TEST(Plan, PollsAfterTheIntervalLessJitterCountedFromTheStartOfTheRefresh) {
  Plan plan = settled_plan();
  Job job = *plan.start_next(plan.wakes_at());  // the first poll is spread over the interval
  const Instant begun = kStart + 10min;
  plan.trigger(trigger("docs", Cause::manual), begun);
  plan.finish(succeeded(job), begun, 0);
  job = *plan.start_next(begun);
  const auto finished = plan.finish(succeeded(job), begun + 5s, 0.5);
  EXPECT_EQ(finished.next, begun + Duration(57s));
  EXPECT_FALSE(plan.start_next(begun + 56s));
  EXPECT_EQ(plan.start_next(begun + 57s)->cause, Cause::poll);
}

TEST(Plan, SpreadsTheFirstPollsOverTheInterval) {
  Limits limits;
  Plan plan(limits);
  plan.follow(repository("a"), kStart);
  plan.follow(repository("b"), kStart);
  const Job a = *plan.start_next(kStart);
  const Job b = *plan.start_next(kStart);
  EXPECT_EQ(plan.finish(succeeded(a), kStart, 0).next, kStart + Duration(6s));
  EXPECT_EQ(plan.finish(succeeded(b), kStart, 1).next, kStart + Duration(60s));
}

TEST(Plan, NeverPollsWhatHasPollingSwitchedOff) {
  Plan plan = settled_plan({}, std::nullopt);
  EXPECT_EQ(plan.wakes_at(), Instant::max());
}

TEST(Plan, RunsAtMostOneRefreshAndLetsAtMostOneWait) {
  Plan plan = settled_plan();
  const auto first = plan.trigger(trigger("docs", Cause::delivery), kStart);
  EXPECT_FALSE(first->coalesced);
  const Job running = *plan.start_next(kStart);
  const auto second = plan.trigger(trigger("docs", Cause::delivery), kStart);
  EXPECT_FALSE(second->coalesced) << "the running refresh may have looked already";
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(plan.trigger(trigger("docs", Cause::delivery), kStart)->coalesced);
  }
  EXPECT_FALSE(plan.start_next(kStart)) << "one at a time";
  plan.finish(succeeded(running), kStart, 0);
  const auto next = plan.start_next(kStart);
  ASSERT_TRUE(next);
  EXPECT_GE(next->ticket, second->ticket + 50);
  plan.finish(succeeded(*next), kStart, 0);
  EXPECT_FALSE(plan.start_next(kStart));
}

TEST(Plan, CoversATriggerOnlyByARefreshThatBeganAfterIt) {
  Plan plan = settled_plan();
  plan.trigger(trigger("docs", Cause::manual), kStart);
  const Job running = *plan.start_next(kStart);
  const auto late = plan.trigger(trigger("docs", Cause::manual), kStart);
  EXPECT_LT(running.ticket, late->ticket);
}

TEST(Plan, GoesByWeightThenByOrder) {
  Plan plan({});
  plan.follow(repository("never fetched"), kStart);
  plan.follow(repository("polled"), kStart);
  plan.follow(repository("pushed"), kStart);
  plan.trigger(trigger("pushed", Cause::delivery), kStart);
  EXPECT_EQ(plan.start_next(kStart)->repository.text(), "pushed");
  EXPECT_EQ(plan.start_next(kStart)->repository.text(), "never fetched");
  EXPECT_EQ(plan.start_next(kStart)->repository.text(), "polled");
}

TEST(Plan, KeepsTheLimitsInAllAndPerHost) {
  Limits limits;
  limits.refreshes = 3;
  limits.per_host = 2;
  Plan plan(limits);
  for (const char* name : {"a1", "a2", "a3"}) {
    plan.follow(repository(name, "a"), kStart);
  }
  for (const char* name : {"b1", "b2"}) {
    plan.follow(repository(name, "b"), kStart);
  }
  const Job a1 = *plan.start_next(kStart);
  EXPECT_EQ(plan.start_next(kStart)->repository.text(), "a2");
  EXPECT_EQ(plan.start_next(kStart)->repository.text(), "b1") << "host a has its share";
  EXPECT_FALSE(plan.start_next(kStart)) << "three at once in all";
  plan.finish(succeeded(a1), kStart, 0);
  EXPECT_EQ(plan.start_next(kStart)->repository.text(), "a3");
}

TEST(Plan, BacksOffExponentiallyWhileARepositoryFails) {
  Plan plan = settled_plan();
  Instant time = plan.wakes_at();
  for (const Duration expected : {1s, 2s, 4s, 8s}) {
    const Job job = *plan.start_next(time);
    const auto finished = plan.finish(failed(job), time, 0);
    EXPECT_EQ(finished.next, time + expected);
    time = *finished.next;
  }
  const Job job = *plan.start_next(time);
  EXPECT_EQ(job.cause, Cause::retry);
  plan.finish(succeeded(job), time, 0);
  const Job after = *plan.start_next(plan.wakes_at());
  EXPECT_EQ(plan.finish(failed(after), time, 0).next, time + Duration(1s)) << "counted anew";
}

TEST(Plan, WaitsLongerWhereTryingAgainQuicklyCannotHelp) {
  Plan plan = settled_plan();
  const Job job = *plan.start_next(plan.wakes_at());
  EXPECT_EQ(plan.finish(failed(job, ErrorClass::auth), kStart, 0).next, kStart + Duration(30s));
}

TEST(Plan, WaitsAsLongAsTheUpstreamAsks) {
  Plan plan = settled_plan();
  const Job job = *plan.start_next(plan.wakes_at());
  Outcome outcome = failed(job, ErrorClass::rate_limited);
  outcome.error->retry_after = 90s;
  EXPECT_EQ(plan.finish(outcome, kStart, 0).next, kStart + Duration(90s));
}

TEST(Plan, TriesAFailingRepositoryAtOnceWhenSomebodyAsks) {
  Plan plan = settled_plan();
  plan.finish(failed(*plan.start_next(plan.wakes_at())), kStart, 0);
  plan.trigger(trigger("docs", Cause::manual), kStart);
  EXPECT_EQ(plan.start_next(kStart)->cause, Cause::manual);
}

TEST(Plan, CarriesWhatAFailedOrCancelledRefreshDidNotServe) {
  Plan plan = settled_plan();
  plan.trigger(delivery("docs", 1), kStart);
  Job job = *plan.start_next(kStart);
  ASSERT_EQ(job.announcements.size(), 1U);
  plan.trigger(delivery("docs", 2), kStart);
  EXPECT_TRUE(plan.finish(failed(job), kStart, 0).settled.empty());
  job = *plan.start_next(kStart);
  ASSERT_EQ(job.announcements.size(), 2U);
  EXPECT_EQ(job.announcements[0].journal_id, 1U);
  Outcome cancelled = succeeded(job);
  cancelled.cancelled = true;
  EXPECT_TRUE(plan.finish(cancelled, kStart, 0).settled.empty());
  job = *plan.start_next(kStart);
  EXPECT_EQ(plan.finish(succeeded(job), kStart, 0).settled, (std::vector<std::uint64_t>{1, 2}));
}

TEST(Plan, AsksALaggingUpstreamAgainAndGivesUpAfterTwoMinutes) {
  Plan plan = settled_plan({}, std::nullopt);
  plan.trigger(delivery("docs", 7), kStart);
  Instant time = kStart;
  std::vector<Duration> waits;
  for (int i = 0; i < 20; ++i) {
    const auto job = plan.start_next(time);
    ASSERT_TRUE(job);
    Outcome outcome = succeeded(*job);
    outcome.lagging = job->announcements;
    const auto finished = plan.finish(outcome, time, 0);
    if (!finished.next) {
      EXPECT_EQ(finished.settled, std::vector<std::uint64_t>{7});
      break;
    }
    EXPECT_TRUE(finished.settled.empty());
    waits.push_back(std::chrono::duration_cast<Duration>(*finished.next - time));
    time = *finished.next;
  }
  EXPECT_EQ(waits, (std::vector<Duration>{1s, 2s, 4s, 8s, 16s, 32s, 57s}));
}

TEST(Plan, ForgetsARepositoryOnceItsRefreshHasEnded) {
  Plan plan = settled_plan();
  plan.trigger(trigger("docs", Cause::manual), kStart);
  const Job job = *plan.start_next(kStart);
  plan.forget(RepositoryName("docs"));
  EXPECT_FALSE(plan.trigger(trigger("docs", Cause::manual), kStart));
  EXPECT_EQ(plan.running(), 1U);
  plan.finish(succeeded(job), kStart, 0);
  EXPECT_EQ(plan.running(), 0U);
  EXPECT_EQ(plan.wakes_at(), Instant::max());
  EXPECT_FALSE(plan.start_next(kStart + 1h));
}

TEST(Plan, FollowsAChangedHostAndIntervalWhileARefreshRuns) {
  Limits limits;
  limits.per_host = 1;
  Plan plan(limits);
  plan.follow(repository("docs", "old"), kStart);
  const Job job = *plan.start_next(kStart);
  plan.trigger(trigger("docs", Cause::manual), kStart);
  plan.follow(repository("docs", "new", Duration(5s)), kStart);
  plan.finish(succeeded(job), kStart, 0);
  EXPECT_TRUE(plan.start_next(kStart));
  plan.follow(repository("other", "old"), kStart);
  EXPECT_TRUE(plan.start_next(kStart)) << "the old host is free again";
}

}  // namespace
}  // namespace freshet::schedule
