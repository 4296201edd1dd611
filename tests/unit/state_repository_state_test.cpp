#include "state/repository_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace freshet::state {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;
using testing::SizeIs;

const RepositoryName kName{"docs"};
const WallTime kStart{std::chrono::hours(1000)};

CheckoutStatus checkout(const std::string& path,
                        std::optional<WallTime> published_at = std::nullopt) {
  return {path, "HEAD", "atomic", std::nullopt, published_at, CheckoutState::ok};
}

RefreshFinished unchanged(WallTime ended = kStart, Ticket ticket = 1) {
  Outcome outcome;
  outcome.repository = kName;
  outcome.ticket = ticket;
  outcome.started = ended - 1s;
  outcome.ended = ended;
  return {outcome};
}

RefreshFinished updated(WallTime ended = kStart) {
  RefreshFinished event = unchanged(ended);
  event.outcome.result = RefreshResult::updated;
  return event;
}

RefreshFinished failed(WallTime ended, ErrorClass error_class = ErrorClass::network,
                       const std::string& message = "no") {
  RefreshFinished event = unchanged(ended);
  event.outcome.result = RefreshResult::failed;
  event.outcome.error = Error{error_class, message, std::nullopt};
  return event;
}

RefreshFinished cancelled(WallTime ended = kStart) {
  RefreshFinished event = failed(ended, ErrorClass::conflict, "cancelled");
  event.outcome.cancelled = true;
  return event;
}

RefreshFinished lagging(WallTime ended = kStart) {
  RefreshFinished event = unchanged(ended);
  event.outcome.lagging.push_back(
      {RefName("refs/heads/main"), std::nullopt, std::nullopt, ended, 7});
  return event;
}

const Event kAdded = RepositoryAdded{kName, "https://example.org/docs", {checkout("/srv/docs")}};
const Event kStarted = RefreshStarted{kName, Cause::poll, kStart};

RepositoryState after(const std::vector<Event>& events) {
  RepositoryState state;
  for (const Event& event : events) {
    state = reduce(std::move(state), event);
  }
  return state;
}

TEST(RepositoryState, HasAConditionForEveryCourseOfEvents) {
  struct Row {
    const char* course;
    std::vector<Event> events;
    RepositoryCondition condition;
    bool settled;
  };
  const std::vector<Row> table{
      {"added", {kAdded}, RepositoryCondition::pending, false},
      {"first refresh runs", {kAdded, kStarted}, RepositoryCondition::refreshing, false},
      {"unchanged", {kAdded, kStarted, unchanged()}, RepositoryCondition::ok, true},
      {"updated", {kAdded, kStarted, updated()}, RepositoryCondition::ok, true},
      {"runs again", {kAdded, unchanged(), kStarted}, RepositoryCondition::refreshing, true},
      {"failed", {kAdded, kStarted, failed(kStart)}, RepositoryCondition::failing, true},
      {"failed, runs again",
       {kAdded, failed(kStart), kStarted},
       RepositoryCondition::failing,
       true},
      {"failed, then fine",
       {kAdded, failed(kStart), kStarted, unchanged()},
       RepositoryCondition::ok,
       true},
      {"fine, then failed",
       {kAdded, unchanged(), failed(kStart)},
       RepositoryCondition::failing,
       true},
      {"lagging", {kAdded, lagging()}, RepositoryCondition::lagging, true},
      {"lagging, runs again", {kAdded, lagging(), kStarted}, RepositoryCondition::refreshing, true},
      {"lagging, caught up", {kAdded, lagging(), unchanged()}, RepositoryCondition::ok, true},
      {"lagging, failed", {kAdded, lagging(), failed(kStart)}, RepositoryCondition::failing, true},
      {"cancelled at first", {kAdded, kStarted, cancelled()}, RepositoryCondition::pending, false},
      {"cancelled while fine",
       {kAdded, unchanged(), kStarted, cancelled()},
       RepositoryCondition::ok,
       true},
      {"cancelled while failing",
       {kAdded, failed(kStart), kStarted, cancelled()},
       RepositoryCondition::failing,
       true},
      {"cancelled while lagging",
       {kAdded, lagging(), kStarted, cancelled()},
       RepositoryCondition::lagging,
       true},
      {"spoken of",
       {kAdded, DeliveryAccepted{kName, "github", kStart}},
       RepositoryCondition::pending,
       false},
      {"planned", {kAdded, NextRefreshPlanned{kName, kStart}}, RepositoryCondition::pending, false},
  };
  for (const Row& row : table) {
    const RepositoryState state = after(row.events);
    EXPECT_EQ(to_string(state.condition()), to_string(row.condition)) << row.course;
    EXPECT_EQ(state.settled(), row.settled) << row.course;
  }
}

TEST(RepositoryState, SaysWhatItWasAddedWith) {
  const RepositoryState state = after({kAdded});
  EXPECT_EQ(state.name, kName);
  EXPECT_EQ(state.url, "https://example.org/docs");
  ASSERT_THAT(state.checkouts, SizeIs(1));
  EXPECT_EQ(state.checkouts[0].path, "/srv/docs");
}

TEST(RepositoryState, KeepsWhatHappenedWhenItIsAddedAgain) {
  const RepositoryState state =
      after({kAdded, failed(kStart), RepositoryAdded{kName, "https://example.org/new", {}}});
  EXPECT_EQ(state.url, "https://example.org/new");
  EXPECT_THAT(state.checkouts, IsEmpty());
  EXPECT_EQ(state.condition(), RepositoryCondition::failing);
}

TEST(Failures, AreCountedFromTheFirstOfTheRow) {
  const RepositoryState state =
      after({kAdded, failed(kStart, ErrorClass::network, "first"), failed(kStart + 1min),
             failed(kStart + 2min, ErrorClass::auth, "last")});
  ASSERT_TRUE(state.failure);
  EXPECT_EQ(state.failure->since, kStart);
  EXPECT_EQ(state.failure->attempts, 3);
  EXPECT_EQ(state.failure->error.error_class, ErrorClass::auth);
  EXPECT_EQ(state.failure->error.message, "last");
}

TEST(Failures, AreForgottenAfterASuccessAndCountedAnew) {
  EXPECT_FALSE(after({kAdded, failed(kStart), unchanged()}).failure);
  const RepositoryState again = after({kAdded, failed(kStart), unchanged(), failed(kStart + 1h)});
  ASSERT_TRUE(again.failure);
  EXPECT_EQ(again.failure->since, kStart + 1h);
  EXPECT_EQ(again.failure->attempts, 1);
}

TEST(Failures, LeaveTheLastSuccessAsItWas) {
  const RepositoryState state = after({kAdded, unchanged(kStart), failed(kStart + 1min)});
  EXPECT_EQ(state.last_success, kStart);
}

TEST(Cancellation, ChangesNothingThatIsSaidOfTheUpstream) {
  const RepositoryState before = after({kAdded, updated(kStart), failed(kStart + 1min), kStarted});
  const RepositoryState state = reduce(before, cancelled(kStart + 2min));
  ASSERT_TRUE(state.failure);
  EXPECT_EQ(state.failure->since, kStart + 1min);
  EXPECT_EQ(state.failure->attempts, 1);
  EXPECT_EQ(state.failure->error.message, "no");
  EXPECT_EQ(state.last_success, before.last_success);
  EXPECT_EQ(state.last_change, before.last_change);
  EXPECT_FALSE(state.refreshing);
}

TEST(Successes, AreDatedAndChangesApartFromThem) {
  const RepositoryState state =
      after({kAdded, updated(kStart), unchanged(kStart + 1min), failed(kStart + 2min)});
  EXPECT_EQ(state.last_success, kStart + 1min);
  EXPECT_EQ(state.last_change, kStart);
  EXPECT_FALSE(after({kAdded, unchanged()}).last_change);
}

TEST(Changes, OfOneCheckoutCountThoughAnotherFailed) {
  RefreshFinished event = failed(kStart + 1min);
  event.outcome.started = kStart;
  event.outcome.checkouts = {checkout("/srv/a", kStart + 30s), checkout("/srv/b", kStart - 1h)};
  const RepositoryState state = after({kAdded, event});
  EXPECT_EQ(state.last_change, kStart + 30s);
  EXPECT_EQ(state.condition(), RepositoryCondition::failing);
}

TEST(Checkouts, AreThoseOfTheLastRefreshThatLookedAtThem) {
  RefreshFinished event = unchanged();
  event.outcome.checkouts = {checkout("/srv/docs", kStart)};
  const RepositoryState state = after({kAdded, event, failed(kStart)});
  ASSERT_THAT(state.checkouts, SizeIs(1)) << "a refresh that did not come so far says nothing";
  EXPECT_EQ(state.checkouts[0].published_at, kStart);
}

TEST(Tickets, AreCoveredByWhateverRefreshEndsLast) {
  RepositoryState state = after({kAdded, unchanged(kStart, 5)});
  EXPECT_EQ(state.covered, 5U);
  RefreshFinished event = failed(kStart);
  event.outcome.ticket = 9;
  state = reduce(std::move(state), event);
  EXPECT_EQ(state.covered, 9U);
  ASSERT_TRUE(state.last_outcome);
  EXPECT_EQ(state.last_outcome->result, RefreshResult::failed);
}

TEST(Plans, ReplaceOneAnother) {
  RepositoryState state = after({kAdded, NextRefreshPlanned{kName, kStart}});
  EXPECT_EQ(state.next_poll, kStart);
  state = reduce(std::move(state), NextRefreshPlanned{kName, std::nullopt});
  EXPECT_EQ(state.next_poll, std::nullopt);
}

TEST(Deliveries, AreDated) {
  EXPECT_EQ(after({kAdded, DeliveryAccepted{kName, "github", kStart}}).last_delivery, kStart);
}

TEST(Events, NameTheRepositoryThatTheySpeakOf) {
  for (const Event& event :
       {kAdded, kStarted, Event(RepositoryRemoved{kName}), Event(unchanged()),
        Event(NextRefreshPlanned{kName, {}}), Event(DeliveryAccepted{kName, "github", kStart})}) {
    EXPECT_EQ(repository_of(event), kName) << event.index();
  }
}

TEST(Conditions, HaveTheContractsNames) {
  const std::pair<RepositoryCondition, std::string_view> table[] = {
      {RepositoryCondition::pending, "pending"}, {RepositoryCondition::refreshing, "refreshing"},
      {RepositoryCondition::ok, "ok"},           {RepositoryCondition::lagging, "lagging"},
      {RepositoryCondition::failing, "failing"}, {RepositoryCondition::held, "held"},
      {RepositoryCondition::paused, "paused"}};
  for (const auto& [condition, name] : table) {
    EXPECT_EQ(to_string(condition), name);
  }
}

}  // namespace
}  // namespace freshet::state
