#include "schedule/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <functional>
#include <random>

namespace freshet::schedule {
namespace {

using namespace std::chrono_literals;
using testing::AnyOf;
using testing::Contains;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

RepositoryName name(const std::string& text) {
  return RepositoryName(text);
}

Followed repository(const std::string& text, const std::string& host = "host",
                    std::optional<Duration> interval = std::nullopt) {
  return {name(text), HostKey(host), interval};
}

Trigger trigger(const std::string& text, Cause cause = Cause::manual) {
  return {name(text), cause, {}, ""};
}

Trigger delivery(const std::string& text, std::uint64_t journal_id) {
  Trigger result = trigger(text, Cause::delivery);
  result.announcements.push_back({RefName("refs/heads/main"), ObjectId::parse(std::string(40, 'a')),
                                  ObjectId::parse(std::string(40, 'b')), WallTime{}, journal_id});
  return result;
}

/// What a scheduler works on: refreshes that end when the test says so, and a record of everything.
class World : public Scheduler::World, public JobRunner, public EventSink, public Prober {
 public:
  JobRunner& runner() override { return *this; }
  Prober* prober() override { return this; }
  EventSink& events() override { return *this; }

  void settled(const std::vector<std::uint64_t>& journal_ids) override {
    change([&] { settled_ids.insert(settled_ids.end(), journal_ids.begin(), journal_ids.end()); });
  }

  void report(const Event& event) override {
    change([&] {
      if (const auto* finished = std::get_if<RefreshFinished>(&event)) {
        outcomes.push_back(finished->outcome);
        covered[finished->outcome.repository] = finished->outcome.ticket;
      }
    });
  }

  Outcome run(const Job& job, const CancelToken& cancel) override {
    const std::string host = host_of(job.repository);
    std::optional<CancelToken> gate;
    change([&] {
      jobs.push_back(job);
      ++at_once;
      most_at_once = std::max(most_at_once, at_once);
      most_of_host = std::max(most_of_host, ++of_host[host]);
      most_of_repository = std::max(most_of_repository, ++of_repository[job.repository]);
      const auto position = gates.find(job.repository);
      gate = position == gates.end() ? std::nullopt : std::optional(position->second);
    });
    if (gate) {
      std::array<pollfd, 2> fds{
          {{gate->descriptor(), POLLIN, 0}, {cancel.descriptor(), POLLIN, 0}}};
      ::poll(fds.data(), fds.size(), -1);
    }
    Outcome outcome;
    outcome.repository = job.repository;
    outcome.cause = job.cause;
    outcome.ticket = job.ticket;
    change([&] {
      --at_once;
      --of_host[host];
      --of_repository[job.repository];
      if (cancel.cancelled() || failing.count(job.repository) != 0) {
        outcome.result = RefreshResult::failed;
        outcome.error = Error{cancel.cancelled() ? ErrorClass::conflict : ErrorClass::network, "no",
                              std::nullopt};
      }
    });
    return outcome;
  }

  void probe(const Job& job, const CancelToken& cancel,
             std::function<void(const ProbeAnswer&)> done) override {
    std::optional<ProbeAnswer> answer;
    change([&] {
      probes.push_back({job, cancel, done});
      answer = prompt_answer;
    });
    if (answer) {
      done(*answer);
    }
  }

  /// Refreshes of it do not end by themselves until the token is cancelled.
  CancelToken close_gate(const std::string& text) {
    const CancelToken gate;
    change([&] { gates.insert_or_assign(name(text), gate); });
    return gate;
  }

  /// Waits for something to become true of the record; fails the test after a long time.
  [[nodiscard]] bool eventually(const std::function<bool()>& condition) {
    const MutexLock lock(mutex);
    const Instant deadline = now() + 60s;
    while (!condition()) {
      if (now() >= deadline) {
        return false;
      }
      changed.wait_until(mutex, deadline);
    }
    return true;
  }
  [[nodiscard]] bool eventually_ran(std::size_t count) {
    return eventually([&] { return jobs.size() >= count; });
  }

  std::vector<Job> jobs_now() {
    const MutexLock lock(mutex);
    return jobs;
  }
  std::vector<Outcome> outcomes_now() {
    const MutexLock lock(mutex);
    return outcomes;
  }
  std::vector<std::uint64_t> settled_now() {
    const MutexLock lock(mutex);
    return settled_ids;
  }

  static std::string host_of(const RepositoryName& repository) {
    return repository.text().substr(0, repository.text().find('/'));
  }

  struct Probe {
    Job job;
    CancelToken cancel;
    std::function<void(const ProbeAnswer&)> done;
  };

  Mutex mutex;
  Condition changed;
  std::vector<Job> jobs;
  std::vector<Probe> probes;
  std::optional<ProbeAnswer>
      prompt_answer;  ///< set: probes end at once, else when the test says so
  std::vector<Outcome> outcomes;
  std::map<RepositoryName, Ticket> covered;
  std::vector<std::uint64_t> settled_ids;
  std::map<RepositoryName, CancelToken> gates;
  std::set<RepositoryName> failing;
  int at_once = 0;
  int most_at_once = 0;
  int most_of_host = 0;
  int most_of_repository = 0;
  std::map<std::string, int> of_host;
  std::map<RepositoryName, int> of_repository;

 private:
  void change(const std::function<void()>& make) {
    {
      const MutexLock lock(mutex);
      make();
    }
    changed.notify_all();
  }
};

Limits quick() {
  Limits limits;
  limits.backoff = {1ms, 5ms, 0};
  limits.slow_first = 1ms;
  return limits;
}

class SchedulerTest : public testing::Test {
 protected:
  Ticket accept(const Trigger& asked) {
    const auto receipt = scheduler_.accept(asked);
    EXPECT_TRUE(receipt);
    return receipt ? receipt->ticket : 0;
  }

  World world_;
  Scheduler scheduler_{quick(), world_};
};

TEST_F(SchedulerTest, RunsEveryRepositoryOnceAtStart) {
  for (const char* text : {"a", "b", "c"}) {
    scheduler_.follow(repository(text));
  }
  EXPECT_THAT(world_.jobs_now(), IsEmpty()) << "not before it was started";
  scheduler_.start();
  ASSERT_TRUE(world_.eventually([&] { return world_.outcomes.size() == 3; }));
  scheduler_.stop();
  std::vector<std::string> ran;
  for (const Job& job : world_.jobs_now()) {
    ran.push_back(job.repository.text());
    EXPECT_EQ(job.cause, Cause::start);
  }
  EXPECT_THAT(ran, UnorderedElementsAre("a", "b", "c"));
}

TEST_F(SchedulerTest, RunsWhatWasAcceptedBeforeItStarted) {
  scheduler_.follow(repository("a"));
  const Ticket ticket = accept(delivery("a", 7));
  scheduler_.start();
  ASSERT_TRUE(world_.eventually([&] { return world_.covered[name("a")] >= ticket; }));
  ASSERT_TRUE(world_.eventually([&] { return !world_.settled_ids.empty(); }));
  scheduler_.stop();
  EXPECT_THAT(world_.jobs_now(), SizeIs(1));
  EXPECT_EQ(world_.settled_now(), std::vector<std::uint64_t>{7});
}

TEST_F(SchedulerTest, StoppingCancelsWhatRunsAndStartsNothingElse) {
  world_.close_gate("a");
  scheduler_.follow(repository("a"));
  scheduler_.start();
  ASSERT_TRUE(world_.eventually_ran(1));
  accept(delivery("a", 7));
  scheduler_.stop();
  EXPECT_THAT(world_.jobs_now(), SizeIs(1));
  ASSERT_THAT(world_.outcomes_now(), SizeIs(1));
  EXPECT_TRUE(world_.outcomes_now()[0].cancelled);
  EXPECT_THAT(world_.settled_now(), IsEmpty()) << "the journal keeps it for the next start";
  const auto refused = scheduler_.accept(trigger("a"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error_class, ErrorClass::conflict);
  scheduler_.stop();  // again, and once more by the destructor
}

TEST_F(SchedulerTest, StoppingOneThatNeverStartedOrHasNothingToDoIsQuick) {
  Scheduler idle(quick(), world_);
  idle.stop();
  Scheduler started(quick(), world_);
  started.start();
  started.stop();
}

TEST_F(SchedulerTest, StopsUnderAStormOfTriggers) {
  scheduler_.follow(repository("a"));
  scheduler_.start();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (scheduler_.accept(trigger("a"))) {
      }
    });
  }
  ASSERT_TRUE(world_.eventually_ran(50));
  scheduler_.stop();
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(world_.jobs_now().size(), world_.outcomes_now().size());
}

TEST_F(SchedulerTest, ForgettingCancelsThatRepositoryAlone) {
  world_.close_gate("a");
  const CancelToken other = world_.close_gate("b");
  scheduler_.follow(repository("a"));
  scheduler_.follow(repository("b"));
  scheduler_.start();
  ASSERT_TRUE(world_.eventually_ran(2));
  scheduler_.forget(name("a"));
  ASSERT_TRUE(world_.eventually([&] { return world_.outcomes.size() == 1; }));
  EXPECT_EQ(world_.outcomes_now()[0].repository, name("a"));
  EXPECT_TRUE(world_.outcomes_now()[0].cancelled);
  const auto refused = scheduler_.accept(trigger("a"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error_class, ErrorClass::not_found);
  other.cancel();
  ASSERT_TRUE(world_.eventually([&] { return world_.outcomes.size() == 2; }));
  EXPECT_FALSE(world_.outcomes_now()[1].cancelled);
  scheduler_.stop();
  EXPECT_THAT(world_.jobs_now(), SizeIs(2)) << "the forgotten one does not run again";
}

TEST_F(SchedulerTest, WhatIsFollowedAgainWhileItsOldRefreshEndsRunsAgain) {
  world_.close_gate("a");
  scheduler_.follow(repository("a"));
  scheduler_.start();
  ASSERT_TRUE(world_.eventually_ran(1));
  world_.close_gate("a").cancel();  // for later ones
  scheduler_.forget(name("a"));
  scheduler_.follow(repository("a"));
  const Ticket ticket = accept(trigger("a"));
  EXPECT_TRUE(world_.eventually([&] { return world_.covered[name("a")] >= ticket; }));
  scheduler_.stop();
}

TEST_F(SchedulerTest, ATriggerDuringARefreshMakesOneMore) {
  const CancelToken gate = world_.close_gate("a");
  scheduler_.follow(repository("a"));
  scheduler_.start();
  ASSERT_TRUE(world_.eventually_ran(1));
  Ticket last = 0;
  for (std::uint64_t i = 1; i <= 50; ++i) {
    last = accept(delivery("a", i));
  }
  EXPECT_LT(world_.jobs_now()[0].ticket, last);
  gate.cancel();
  ASSERT_TRUE(world_.eventually([&] { return world_.settled_ids.size() == 50; }));
  scheduler_.stop();
  ASSERT_THAT(world_.jobs_now(), SizeIs(2));
  EXPECT_THAT(world_.jobs_now()[1].announcements, SizeIs(50));
  EXPECT_GE(world_.jobs_now()[1].ticket, last);
}

TEST_F(SchedulerTest, PollsByItself) {
  scheduler_.follow(repository("a", "host", Duration(5ms)));
  scheduler_.start();
  ASSERT_TRUE(world_.eventually_ran(4));
  scheduler_.stop();
  EXPECT_EQ(world_.jobs_now()[3].cause, Cause::poll);
}

TEST_F(SchedulerTest, TriesByItselfAgainWhatFailed) {
  world_.failing.insert(name("a"));
  scheduler_.follow(repository("a"));
  scheduler_.start();
  ASSERT_TRUE(world_.eventually_ran(3));
  scheduler_.stop();
  EXPECT_EQ(world_.jobs_now()[2].cause, Cause::retry);
}

TEST_F(SchedulerTest, CarriesWhatAFailedRefreshDidNotServe) {
  world_.failing.insert(name("a"));
  scheduler_.follow(repository("a"));
  scheduler_.start();
  ASSERT_TRUE(world_.eventually([&] { return !world_.outcomes.empty(); }));
  accept(delivery("a", 7));
  const std::size_t before = [&] {
    const MutexLock lock(world_.mutex);
    return world_.jobs.size();
  }();
  ASSERT_TRUE(world_.eventually_ran(before + 3));
  EXPECT_THAT(world_.settled_now(), IsEmpty());
  {
    const MutexLock lock(world_.mutex);
    world_.failing.clear();
  }
  ASSERT_TRUE(world_.eventually([&] { return !world_.settled_ids.empty(); }));
  scheduler_.stop();
  EXPECT_EQ(world_.settled_now(), std::vector<std::uint64_t>{7});
}

TEST_F(SchedulerTest, SaysThatItMakesProgressAndHowMuchWaits) {
  Limits limits = quick();
  limits.refreshes = 1;
  Scheduler scheduler(limits, world_);
  const CancelToken gate = world_.close_gate("a");
  scheduler.follow(repository("a"));
  scheduler.start();
  ASSERT_TRUE(world_.eventually_ran(1));
  scheduler.follow(repository("b"));
  scheduler.follow(repository("c"));
  EXPECT_EQ(scheduler.queue_depth(), 2U);
  EXPECT_TRUE(scheduler.makes_progress());
  gate.cancel();
  ASSERT_TRUE(world_.eventually([&] { return world_.outcomes.size() == 3; }));
  EXPECT_EQ(scheduler.queue_depth(), 0U);
}

TEST_F(SchedulerTest, TakesMoreWorkersWhileItRuns) {
  Limits limits = quick();
  limits.refreshes = 1;
  limits.per_host = 8;
  Scheduler scheduler(limits, world_);
  std::vector<CancelToken> gates;
  for (const char* text : {"a", "b", "c"}) {
    gates.push_back(world_.close_gate(text));
    scheduler.follow(repository(text));
  }
  scheduler.start();
  ASSERT_TRUE(world_.eventually_ran(1));
  EXPECT_EQ(scheduler.queue_depth(), 2U);
  limits.refreshes = 3;
  scheduler.change_limits(limits);
  EXPECT_TRUE(world_.eventually([&] { return world_.at_once == 3; }));
  scheduler.stop();
}

// --- many threads ---

TEST_F(SchedulerTest, LosesNothingAndKeepsTheLimitsUnderAStorm) {
  constexpr int kThreads = 6;
  constexpr std::uint64_t kEach = 500;
  Limits limits = quick();
  limits.refreshes = 5;
  limits.per_host = 2;
  Scheduler scheduler(limits, world_);
  std::vector<std::string> names;
  for (const char* host : {"x", "y", "z"}) {
    for (const char* text : {"/1", "/2", "/3"}) {
      names.push_back(std::string(host) + text);
      scheduler.follow(repository(names.back(), host));
    }
  }
  scheduler.start();
  std::vector<std::map<RepositoryName, Ticket>> of_thread(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      std::minstd_rand random(static_cast<unsigned>(i) + 1);
      for (std::uint64_t j = 0; j < kEach; ++j) {
        const std::string& text = names[random() % names.size()];
        const std::uint64_t id = static_cast<std::uint64_t>(i) * kEach + j + 1;
        const auto receipt = scheduler.accept(delivery(text, id));
        ASSERT_TRUE(receipt);
        of_thread[static_cast<std::size_t>(i)][name(text)] = receipt->ticket;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  ASSERT_TRUE(world_.eventually([&] { return world_.settled_ids.size() >= kThreads * kEach; }));
  scheduler.stop();
  for (const auto& tickets : of_thread) {
    for (const auto& [repository, ticket] : tickets) {
      EXPECT_GE(world_.covered[repository], ticket) << repository.text();
    }
  }
  std::vector<std::uint64_t> settled = world_.settled_now();
  std::sort(settled.begin(), settled.end());
  for (std::uint64_t i = 0; i < kThreads * kEach; ++i) {
    ASSERT_EQ(settled[i], i + 1) << "each exactly once";
  }
  EXPECT_EQ(world_.most_of_repository, 1);
  EXPECT_LE(world_.most_of_host, 2);
  EXPECT_LE(world_.most_at_once, 5);
}

TEST_F(SchedulerTest, CoversATicketOnlyByARefreshThatBeganLater) {
  scheduler_.follow(repository("a"));
  scheduler_.start();
  for (int i = 0; i < 200; ++i) {
    std::size_t before = 0;
    {
      const MutexLock lock(world_.mutex);
      before = world_.jobs.size();
    }
    const Ticket ticket = accept(trigger("a"));
    ASSERT_TRUE(world_.eventually([&] { return world_.covered[name("a")] >= ticket; }));
    const MutexLock lock(world_.mutex);
    for (std::size_t j = 0; j < before; ++j) {
      ASSERT_LT(world_.jobs[j].ticket, ticket) << "it ran before anybody asked";
    }
  }
  scheduler_.stop();
}

TEST_F(SchedulerTest, FollowsAndForgetsWhileEverythingRuns) {
  scheduler_.start();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const std::string text = i < 2 ? "shared" : std::to_string(i);
      for (int j = 0; j < 200; ++j) {
        scheduler_.follow(repository(text, "host", Duration(1ms)));
        static_cast<void>(scheduler_.accept(trigger(text)));
        scheduler_.forget(name(text));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  scheduler_.follow(repository("last"));
  EXPECT_TRUE(world_.eventually([&] { return world_.covered.count(name("last")) != 0; }));
  scheduler_.stop();
  EXPECT_EQ(world_.most_of_repository, 1);
}

// --- probes ---

class ProbingTest : public SchedulerTest {
 protected:
  /// Waits for the next poll's probe and takes it.
  World::Probe next_probe() {
    EXPECT_TRUE(world_.eventually([&] { return world_.probes.size() > taken_; }));
    const MutexLock lock(world_.mutex);
    return world_.probes.at(taken_++);
  }

  void follow_probing() {
    Followed followed = repository("a", "host", Duration(5ms));
    followed.probes = true;
    scheduler_.follow(followed);
    scheduler_.start();
  }

  std::size_t taken_ = 0;
};

TEST_F(ProbingTest, APollWithoutNewsNeedsNoRefresh) {
  follow_probing();
  for (int i = 0; i < 3; ++i) {
    next_probe().done({false, std::nullopt});
  }
  const World::Probe open = next_probe();
  open.done({false, std::nullopt});
  scheduler_.stop();
  EXPECT_THAT(world_.jobs_now(), SizeIs(1)) << "the first refresh";
  EXPECT_TRUE(world_.outcomes_now().back().probe_only);
}

TEST_F(ProbingTest, APollWithNewsIsRefreshedByAWorker) {
  follow_probing();
  next_probe().done({true, std::nullopt});
  ASSERT_TRUE(world_.eventually_ran(2));
  EXPECT_EQ(world_.jobs_now()[1].cause, Cause::poll);
  next_probe().done({false, std::nullopt});
  scheduler_.stop();
}

TEST_F(ProbingTest, AFailedProbeIsAFailureThatIsTriedAgain) {
  world_.prompt_answer = ProbeAnswer{false, Error{ErrorClass::network, "no route", std::nullopt}};
  follow_probing();
  ASSERT_TRUE(world_.eventually([&] { return world_.outcomes.size() >= 3; }));
  scheduler_.stop();
  const auto outcomes = world_.outcomes_now();
  EXPECT_FALSE(outcomes[0].error) << "the first refresh";
  ASSERT_TRUE(outcomes[1].error);
  EXPECT_EQ(outcomes[1].error->message, "no route");
  EXPECT_EQ(outcomes[2].cause, Cause::retry);
}

TEST_F(ProbingTest, StoppingCancelsProbesAndWaitsForTheirAnswer) {
  follow_probing();
  const World::Probe probe = next_probe();
  std::thread prober([&] {
    pollfd fd{probe.cancel.descriptor(), POLLIN, 0};
    EXPECT_EQ(::poll(&fd, 1, 60'000), 1);
    probe.done({false, Error{ErrorClass::conflict, "cancelled", std::nullopt}});
  });
  scheduler_.stop();
  prober.join();
  EXPECT_TRUE(world_.outcomes_now().back().cancelled);
}

TEST_F(ProbingTest, ADeliveryDuringAProbeIsNotLost) {
  follow_probing();
  const World::Probe probe = next_probe();
  const Ticket ticket = accept(delivery("a", 7));
  probe.done({false, std::nullopt});
  ASSERT_TRUE(world_.eventually([&] { return !world_.settled_ids.empty(); }));
  {
    const MutexLock lock(world_.mutex);
    EXPECT_THAT(world_.jobs, SizeIs(2));
    EXPECT_GE(world_.jobs[1].ticket, ticket);
  }
  next_probe().done({false, std::nullopt});
  scheduler_.stop();
}

}  // namespace
}  // namespace freshet::schedule
