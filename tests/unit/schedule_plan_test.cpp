#include "schedule/plan.h"

#include <gtest/gtest.h>

#include <set>

#include "schedule/announcements.h"

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

TEST(Plan, LetsPollsLeaveInGroupsAndNoneLaterThanAlone) {
  Plan plan({});
  plan.follow(repository("a"), kStart);
  plan.follow(repository("b"), kStart);
  const Job a = *plan.start_next(kStart);
  const Job b = *plan.start_next(kStart);
  EXPECT_EQ(plan.finish(succeeded(a), kStart + 13ms, 0.5012).next, kStart + 33000ms);
  EXPECT_EQ(plan.finish(succeeded(b), kStart + 57ms, 0.5005).next, kStart + 33000ms);
}

TEST(Plan, NeverPollsWhatHasPollingSwitchedOff) {
  Plan plan = settled_plan({}, std::nullopt);
  EXPECT_EQ(plan.wakes_at(), Instant::max());
}

TEST(Plan, RunsAtMostOneRefreshAndLetsAtMostOneWait) {
  Plan plan = settled_plan();
  const auto first = plan.trigger(trigger("docs", Cause::delivery), kStart);
  EXPECT_FALSE(first->receipt.coalesced);
  const Job running = *plan.start_next(kStart);
  const auto second = plan.trigger(trigger("docs", Cause::delivery), kStart);
  EXPECT_FALSE(second->receipt.coalesced) << "the running refresh may have looked already";
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(plan.trigger(trigger("docs", Cause::delivery), kStart)->receipt.coalesced);
  }
  EXPECT_FALSE(plan.start_next(kStart)) << "one at a time";
  plan.finish(succeeded(running), kStart, 0);
  const auto next = plan.start_next(kStart);
  ASSERT_TRUE(next);
  EXPECT_GE(next->ticket, second->receipt.ticket + 50);
  plan.finish(succeeded(*next), kStart, 0);
  EXPECT_FALSE(plan.start_next(kStart));
}

TEST(Plan, KeepsSoManyAnnouncementsAndGivesTheOldestUp) {
  Plan plan = settled_plan();
  std::set<std::uint64_t> settled;
  const auto take = [&](const std::vector<std::uint64_t>& ids) {
    settled.insert(ids.begin(), ids.end());
  };
  std::uint64_t id = 0;
  const auto announce = [&](std::size_t times) {
    for (std::size_t i = 0; i < times; ++i) {
      Trigger next = trigger("docs", Cause::delivery);
      next.announcements = {{RefName("refs/heads/main"), {}, {}, WallTime{}, ++id}};
      take(plan.trigger(next, kStart)->settled);
    }
  };
  announce(3 * kMostAnnouncements);
  const Job job = *plan.start_next(kStart);
  EXPECT_LE(job.announcements.size(), kMostAnnouncements);
  EXPECT_EQ(job.announcements.back().journal_id, id);
  EXPECT_EQ(settled.size() + job.announcements.size(), id) << "none is forgotten in the journal";

  announce(kMostAnnouncements);
  take(plan.finish(failed(job), kStart, 0).settled);
  const Job again = *plan.start_next(kStart + 1h);
  EXPECT_LE(again.announcements.size(), kMostAnnouncements);
  EXPECT_EQ(again.announcements.back().journal_id, id);
  EXPECT_EQ(settled.size() + again.announcements.size(), id);
}

TEST(Plan, LetsDeliveriesThatChangeNothingRestAQuarterSecondAtMost) {
  Plan plan = settled_plan({}, std::nullopt);
  Instant time = kStart;
  const auto deliver = [&] { plan.trigger(trigger("docs", Cause::delivery), time); };
  std::vector<Duration> rests;
  for (int i = 0; i < 10; ++i) {
    deliver();
    const Instant wanted = time;
    while (!plan.start_next(time)) {
      ASSERT_GT(plan.wakes_at(), time);
      time = plan.wakes_at();
    }
    rests.push_back(std::chrono::duration_cast<Duration>(time - wanted));
    Outcome outcome;
    outcome.repository = RepositoryName("docs");
    plan.finish(outcome, time, 0);
  }
  const std::vector<Duration> expected{0ms, 0ms, 0ms, 0ms, 25ms, 50ms, 100ms, 200ms, 250ms, 250ms};
  EXPECT_EQ(rests, expected);

  deliver();
  EXPECT_FALSE(plan.start_next(time));
  EXPECT_EQ(plan.waiting(), 1U);
  plan.trigger(trigger("docs", Cause::manual), time);
  const auto job = plan.start_next(time);
  ASSERT_TRUE(job) << "a person does not wait";
  Outcome updated = succeeded(*job);
  updated.result = RefreshResult::updated;
  plan.finish(updated, time, 0);
  deliver();
  EXPECT_TRUE(plan.start_next(time)) << "what was new sets it back";
}

TEST(Plan, ForgetsWhatRests) {
  Plan plan = settled_plan({}, std::nullopt);
  Instant time = kStart;
  for (int i = 0; i < 5; ++i) {
    plan.trigger(trigger("docs", Cause::delivery), time);
    time = std::max(time, std::min(plan.wakes_at(), time + 1s));
    plan.finish(succeeded(*plan.start_next(time)), time, 0);
  }
  plan.trigger(trigger("docs", Cause::delivery), time);
  EXPECT_FALSE(plan.start_next(time));
  plan.forget(RepositoryName("docs"), time);
  EXPECT_EQ(plan.wakes_at(), Instant::max());
  EXPECT_FALSE(plan.start_next(time + 1s));
}

TEST(Plan, CoversATriggerOnlyByARefreshThatBeganAfterIt) {
  Plan plan = settled_plan();
  plan.trigger(trigger("docs", Cause::manual), kStart);
  const Job running = *plan.start_next(kStart);
  const auto late = plan.trigger(trigger("docs", Cause::manual), kStart);
  EXPECT_LT(running.ticket, late->receipt.ticket);
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

TEST(Plan, CountsQuickTriesNotAgainstTheSlowOnesAndForgetsNeither) {
  Plan plan = settled_plan();
  const auto wait_after = [&](ErrorClass error_class) {
    const Instant time = plan.wakes_at();
    const Job job = *plan.start_next(time);
    return plan.finish(failed(job, error_class), time, 0).next.value() - time;
  };
  for (const Duration wait : {1s, 2s, 4s, 8s}) {
    EXPECT_EQ(wait_after(ErrorClass::network), wait);
  }
  EXPECT_EQ(wait_after(ErrorClass::config), 30s);
  EXPECT_EQ(wait_after(ErrorClass::config), 60s);
  EXPECT_EQ(wait_after(ErrorClass::network), 64s) << "the seventh in a row";
  EXPECT_EQ(wait_after(ErrorClass::config), 120s) << "the third of its kind";
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

/// An upstream that never shows what delivery 7 announced: the pauses until the plan gives up.
struct Lag {
  std::vector<Duration> pauses;
  Instant end;                  ///< when it gave up
  std::optional<Instant> next;  ///< after it
};
Lag lag_of(Plan& plan) {
  plan.trigger(delivery("docs", 7), kStart);
  Lag lag{{}, kStart, {}};
  for (int i = 0; i < 200; ++i) {
    const auto job = plan.start_next(lag.end);
    EXPECT_TRUE(job);
    Outcome outcome = succeeded(*job);
    outcome.lagging = job->announcements;
    plan.judge_lag(outcome, lag.end);
    const auto finished = plan.finish(outcome, lag.end, 0);
    if (outcome.gave_up) {
      EXPECT_EQ(finished.settled, std::vector<std::uint64_t>{7});
      lag.next = finished.next;
      break;
    }
    EXPECT_TRUE(finished.settled.empty());
    lag.pauses.push_back(std::chrono::duration_cast<Duration>(*finished.next - lag.end));
    lag.end = *finished.next;
  }
  return lag;
}

TEST(Plan, AsksALaggingUpstreamAgainAndLeavesItToThePollsAfterTwoMinutes) {
  Plan plan = settled_plan({}, Duration(10min));
  const Lag lag = lag_of(plan);
  EXPECT_EQ(lag.pauses, (std::vector<Duration>{1s, 2s, 4s, 8s, 16s, 32s, 57s}));
  EXPECT_EQ(lag.next, lag.end + 10min);
}

TEST(Plan, AsksALaggingUpstreamThatNobodyPollsForADay) {
  Plan plan = settled_plan({}, std::nullopt);
  const Lag lag = lag_of(plan);
  EXPECT_EQ(lag.end, kStart + 24h);
  EXPECT_FALSE(lag.next);
  ASSERT_GT(lag.pauses.size(), 12U);
  EXPECT_EQ(lag.pauses[9], Duration(512s));
  EXPECT_EQ(lag.pauses[10], Duration(15min));
  EXPECT_EQ(lag.pauses[11], Duration(15min));
}

TEST(Plan, JudgesALagAgainThatEndsBetweenTheRefreshAndItsOutcome) {
  Plan plan = settled_plan({}, std::nullopt);
  plan.trigger(delivery("docs", 7), kStart);
  Job job = *plan.start_next(kStart);
  Outcome outcome = succeeded(job);
  outcome.lagging = job.announcements;
  plan.finish(outcome, kStart, 0);
  plan.trigger(trigger("docs", Cause::manual), kStart + 23h);
  job = *plan.start_next(kStart + 23h);
  outcome = succeeded(job);
  outcome.lagging = job.announcements;
  plan.judge_lag(outcome, kStart + 24h - 1ms);
  ASSERT_FALSE(outcome.gave_up);
  EXPECT_EQ(plan.finish(outcome, kStart + 24h + 1ms, 0).next, kStart + 24h + 1ms);
}

TEST(Plan, PollsAsOftenAsWithoutDeliveriesAfterOneThatNeverCameTrue) {
  Plan plan({});
  Followed followed = repository("docs", "host", Duration(60s));
  followed.webhook_interval = 15min;
  plan.follow(followed, kStart);
  plan.finish(succeeded(*plan.start_next(kStart)), kStart, 0);
  const Lag lag = lag_of(plan);
  EXPECT_EQ(lag.next, lag.end + 60s);
}

TEST(Plan, ForgetsARepositoryOnceItsRefreshHasEnded) {
  Plan plan = settled_plan();
  plan.trigger(trigger("docs", Cause::manual), kStart);
  const Job job = *plan.start_next(kStart);
  plan.forget(RepositoryName("docs"), kStart);
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

Followed probed(const std::string& name, const std::string& host = "host") {
  Followed followed = repository(name, host);
  followed.probes = true;
  return followed;
}

Outcome updated(const Job& job) {
  Outcome outcome = succeeded(job);
  outcome.cause = job.cause;
  outcome.result = RefreshResult::updated;
  return outcome;
}

TEST(Plan, PollsByAProbeOnceThereIsSomethingToCompareWith) {
  Plan plan({});
  plan.follow(probed("docs"), kStart);
  EXPECT_FALSE(plan.start_next_probe(kStart)) << "never refreshed yet";
  plan.finish(succeeded(*plan.start_next(kStart)), kStart, 0);
  const Instant due = plan.wakes_at();
  EXPECT_FALSE(plan.start_next(due)) << "a poll takes no worker";
  const auto probe = plan.start_next_probe(due);
  ASSERT_TRUE(probe);
  EXPECT_TRUE(plan.finish(succeeded(*probe), due, 0).next) << "nothing new";
}

TEST(Plan, RefreshesWhatAProbeFoundChanged) {
  Plan plan({});
  plan.follow(probed("docs"), kStart);
  plan.finish(succeeded(*plan.start_next(kStart)), kStart, 0);
  const Instant due = plan.wakes_at();
  const Job probe = *plan.start_next_probe(due);
  plan.needs_refresh(probe.repository, due);
  EXPECT_FALSE(plan.start_next_probe(due));
  const auto job = plan.start_next(due);
  ASSERT_TRUE(job);
  EXPECT_EQ(job->cause, Cause::poll);
  EXPECT_GE(job->ticket, probe.ticket);
}

TEST(Plan, SendsATriggerThatComesDuringAProbeToARefresh) {
  Plan plan({});
  plan.follow(probed("docs"), kStart);
  plan.finish(succeeded(*plan.start_next(kStart)), kStart, 0);
  const Instant due = plan.wakes_at();
  const Job probe = *plan.start_next_probe(due);
  const auto receipt = plan.trigger(delivery("docs", 3), due);
  EXPECT_FALSE(plan.start_next(due)) << "one at a time";
  plan.finish(succeeded(probe), due, 0);
  const auto job = plan.start_next(due);
  ASSERT_TRUE(job);
  EXPECT_EQ(job->ticket, receipt->receipt.ticket);
  EXPECT_EQ(job->announcements.size(), 1U);
}

TEST(Plan, KeepsHundredsOfProbesInFlightButNotMoreThanAHostTakes) {
  Limits limits;
  limits.probes_per_host = 3;
  limits.refreshes = 100;
  limits.per_host = 100;
  Plan plan(limits);
  for (int i = 0; i < 5; ++i) {
    plan.follow(probed(std::to_string(i)), kStart);
  }
  while (const auto job = plan.start_next(kStart)) {
    plan.finish(succeeded(*job), kStart, 0);
  }
  const Instant later = kStart + 1h;
  int probes = 0;
  std::optional<Job> last;
  while (auto job = plan.start_next_probe(later)) {
    last = std::move(job);
    ++probes;
  }
  EXPECT_EQ(probes, 3);
  plan.finish(succeeded(*last), later, 0);
  EXPECT_TRUE(plan.start_next_probe(later));
}

TEST(Plan, OpensTheBreakerOfAHostAndLetsOneTrialThrough) {
  Limits limits;
  limits.per_host = 8;
  Plan plan(limits);
  for (int i = 0; i < 8; ++i) {
    plan.follow(repository("r" + std::to_string(i), "dead"), kStart);
  }
  std::vector<Job> jobs;
  while (const auto job = plan.start_next(kStart)) {
    jobs.push_back(*job);
  }
  ASSERT_EQ(jobs.size(), 8U);
  for (const Job& job : jobs) {
    plan.finish(failed(job), kStart, 0);
  }
  EXPECT_TRUE(plan.hosts(kStart).front().breaker_open);
  EXPECT_FALSE(plan.start_next(kStart + 4s)) << "the breaker is open";
  Instant time = kStart + 10min;
  const auto trial = plan.start_next(time);
  ASSERT_TRUE(trial);
  EXPECT_FALSE(plan.start_next(time)) << "a single trial";
  plan.finish(succeeded(*trial), time, 0);
  EXPECT_TRUE(plan.start_next(time));
  EXPECT_TRUE(plan.start_next(time)) << "the way opens step by step";
}

TEST(Plan, LetsAPersonTryAHostBehindAnOpenBreaker) {
  Plan plan = settled_plan();
  for (int i = 0; i < 5; ++i) {
    plan.trigger(trigger("docs", Cause::manual), kStart);
    plan.finish(failed(*plan.start_next(kStart)), kStart, 0);
  }
  plan.trigger(trigger("docs", Cause::delivery), kStart);
  EXPECT_FALSE(plan.start_next(kStart));
  plan.trigger(trigger("docs", Cause::manual), kStart);
  EXPECT_TRUE(plan.start_next(kStart));
}

TEST(Plan, PausesAWholeHostThatAsksForIt) {
  Plan plan({});
  plan.follow(repository("a", "forge"), kStart);
  plan.follow(repository("b", "forge"), kStart);
  plan.follow(repository("c", "elsewhere"), kStart);
  const Job a = *plan.start_next(kStart);
  Outcome outcome = failed(a, ErrorClass::rate_limited);
  outcome.error->retry_after = 40s;
  plan.finish(outcome, kStart, 0);
  EXPECT_EQ(plan.start_next(kStart)->repository.text(), "c");
  EXPECT_FALSE(plan.start_next(kStart + 39s));
  EXPECT_EQ(plan.wakes_at(), kStart + 40s);
  EXPECT_EQ(plan.start_next(kStart + 40s)->repository.text(), "b");
}

TEST(Plan, GivesFailingRepositoriesAQuarterOfTheWorkersAtMost) {
  Limits limits;
  limits.refreshes = 4;
  limits.per_host = 4;
  Plan plan(limits);
  for (int i = 0; i < 4; ++i) {
    plan.follow(repository("broken" + std::to_string(i), "h" + std::to_string(i)), kStart);
  }
  for (int i = 0; i < 4; ++i) {
    plan.finish(failed(*plan.start_next(kStart), ErrorClass::corrupt), kStart, 0);
  }
  const Instant later = kStart + 1h;
  EXPECT_TRUE(plan.start_next(later));
  EXPECT_FALSE(plan.start_next(later)) << "the other three workers stay free";
  plan.follow(repository("healthy", "other"), later);
  EXPECT_EQ(plan.start_next(later)->repository.text(), "healthy");
}

TEST(Plan, PollsRarelyWhileDeliveriesProveToArrive) {
  Plan plan({});
  Followed followed = repository("docs");
  followed.webhook_interval = 15min;
  plan.follow(followed, kStart);
  Instant time = kStart;
  const auto run = [&] { return plan.finish(succeeded(*plan.start_next(time)), time, 0); };
  run();
  plan.trigger(delivery("docs", 1), time);
  run();  // spread over the interval the first time
  plan.trigger(delivery("docs", 2), time);
  EXPECT_EQ(run().next, time + Duration(15min));

  // A poll finds what nobody announced: the short interval is back, and after a while it counts.
  time += 15min;
  Job poll = *plan.start_next(time);
  EXPECT_EQ(plan.finish(updated(poll), time, 0).next, time + Duration(60s));
  time += 60s;
  poll = *plan.start_next(time);
  const auto finished = plan.finish(succeeded(poll), time, 0);
  EXPECT_TRUE(finished.missed_delivery);
  EXPECT_EQ(finished.next, time + Duration(60s));
}

TEST(Plan, DoesNotCallADeliveryMissedThatComesALittleLater) {
  Plan plan({});
  Followed followed = repository("docs");
  followed.webhook_interval = 15min;
  plan.follow(followed, kStart);
  plan.finish(succeeded(*plan.start_next(kStart)), kStart, 0);
  plan.trigger(delivery("docs", 1), kStart);
  plan.finish(succeeded(*plan.start_next(kStart)), kStart, 0);
  Instant time = plan.wakes_at();
  plan.finish(updated(*plan.start_next(time)), time, 0);
  plan.trigger(delivery("docs", 2), time + 2s);
  const auto finished = plan.finish(succeeded(*plan.start_next(time + 2s)), time + 40s, 0);
  EXPECT_FALSE(finished.missed_delivery);
}

TEST(Plan, GivesARefreshItsNumberWhileItWaitsAndKeepsItWhateverJoins) {
  Plan plan = settled_plan();
  const RefreshNumber number = plan.trigger(delivery("docs", 1), kStart)->receipt.refresh;
  EXPECT_GT(number, 0U);
  EXPECT_EQ(plan.trigger(delivery("docs", 2), kStart)->receipt.refresh, number);
  EXPECT_EQ(plan.trigger(trigger("docs", Cause::manual), kStart)->receipt.refresh, number);
  plan.follow(repository("docs", "another host"), kStart);
  const Job job = *plan.start_next(kStart);
  EXPECT_EQ(job.number, number);
  const RefreshNumber next = plan.trigger(delivery("docs", 3), kStart)->receipt.refresh;
  EXPECT_NE(next, number) << "what comes while it runs is for the next one";
  plan.finish(failed(job), kStart, 0);
  EXPECT_EQ(plan.start_next(kStart)->number, next);
}

TEST(Plan, GivesTheNumberOfAPollsRefreshOnlyToThatNotToItsProbe) {
  Plan plan({});
  Followed followed = repository("docs");
  followed.probes = true;
  plan.follow(followed, kStart);
  plan.finish(succeeded(*plan.start_next(kStart)), kStart, 0);
  const Instant time = plan.wakes_at();
  const auto probe = plan.start_next_probe(time);
  ASSERT_TRUE(probe);
  EXPECT_EQ(probe->number, 0U);
  plan.needs_refresh(probe->repository, time);
  EXPECT_GT(plan.start_next(time)->number, 0U);
}

TEST(Plan, ShowsEveryHostThatSomethingIsFollowedOn) {
  Plan plan({});
  plan.follow(repository("a", "one"), kStart);
  plan.follow(repository("b", "one"), kStart);
  plan.follow(repository("c", "two"), kStart);
  EXPECT_EQ(plan.hosts(kStart).size(), 2U);
  plan.forget(RepositoryName("c"), kStart);
  ASSERT_EQ(plan.hosts(kStart).size(), 1U);
  EXPECT_EQ(plan.hosts(kStart).front().host, HostKey("one"));
  EXPECT_FALSE(plan.hosts(kStart).front().breaker_open);
}

}  // namespace
}  // namespace freshet::schedule
