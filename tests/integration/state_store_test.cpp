#include "state/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

namespace freshet::state {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;
using testing::SizeIs;

const RepositoryName kDocs{"docs"};

RepositoryAdded added(const RepositoryName& name = kDocs) {
  return {name, "https://example.org/" + name.text(), {}};
}

RefreshFinished finished(Ticket ticket, const RepositoryName& name = kDocs) {
  Outcome outcome;
  outcome.repository = name;
  outcome.ticket = ticket;
  return {outcome};
}

Instant soon() {
  return now() + 20ms;
}
Instant never() {
  return now() + 10min;
}

class StoreTest : public ::testing::Test {
 protected:
  /// A wait on another thread, begun for sure or almost: what it answers must not depend on it.
  std::future<std::shared_ptr<const RepositoryState>> wait_for(Ticket ticket, Instant deadline) {
    std::promise<void> begun;
    auto result = std::async(std::launch::async, [this, ticket, deadline, &begun] {
      begun.set_value();
      return store_.wait_covered(kDocs, ticket, deadline);
    });
    begun.get_future().wait();
    return result;
  }

  Store store_;
};

TEST_F(StoreTest, KnowsWhatWasAddedUntilItIsRemoved) {
  EXPECT_EQ(store_.find(kDocs), nullptr);
  store_.report(added());
  store_.report(added(RepositoryName("acme")));
  ASSERT_THAT(store_.all(), SizeIs(2));
  EXPECT_EQ(store_.all()[0]->name.text(), "acme") << "by name";
  EXPECT_EQ(store_.find(kDocs)->url, "https://example.org/docs");
  store_.report(RepositoryRemoved{kDocs});
  EXPECT_EQ(store_.find(kDocs), nullptr);
  EXPECT_THAT(store_.all(), SizeIs(1));
}

TEST_F(StoreTest, IgnoresEventsOfARepositoryThatIsGone) {
  store_.report(finished(1));
  store_.report(RepositoryRemoved{kDocs});
  store_.report(NextRefreshPlanned{kDocs, WallTime{}});
  EXPECT_THAT(store_.all(), IsEmpty());
}

TEST_F(StoreTest, SnapshotsStayAsTheyWere) {
  store_.report(added());
  const auto before = store_.find(kDocs);
  store_.report(finished(1));
  EXPECT_EQ(before->covered, 0U);
  EXPECT_EQ(store_.find(kDocs)->covered, 1U);
}

TEST_F(StoreTest, AWaitEndsAtOnceForWhatIsCoveredAlready) {
  store_.report(added());
  store_.report(finished(7));
  const auto state = store_.wait_covered(kDocs, 7, never());
  ASSERT_TRUE(state);
  EXPECT_EQ(state->covered, 7U);
}

TEST_F(StoreTest, AWaitEndsWithTheRefreshThatCoversIt) {
  store_.report(added());
  auto waiting = wait_for(5, never());
  store_.report(RefreshStarted{kDocs, Cause::manual, WallTime{}});
  store_.report(finished(4));
  store_.report(finished(9, RepositoryName("other")));
  EXPECT_NE(waiting.wait_for(0s), std::future_status::ready) << "4 began before 5 was accepted";
  store_.report(finished(6));
  const auto state = waiting.get();
  ASSERT_TRUE(state);
  EXPECT_EQ(state->covered, 6U);
}

TEST_F(StoreTest, EveryWaitIsWoken) {
  store_.report(added());
  std::vector<std::future<std::shared_ptr<const RepositoryState>>> waiting;
  for (Ticket ticket = 1; ticket <= 8; ++ticket) {
    waiting.push_back(wait_for(ticket, never()));
  }
  store_.report(finished(8));
  for (auto& one : waiting) {
    EXPECT_TRUE(one.get());
  }
}

TEST_F(StoreTest, AWaitEndsAtItsDeadlineWithTheStateAsItIs) {
  store_.report(added());
  store_.report(finished(3));
  const Instant deadline = soon();
  const auto state = store_.wait_covered(kDocs, 4, deadline);
  EXPECT_GE(now(), deadline);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->covered, 3U);
  EXPECT_TRUE(store_.wait_covered(kDocs, 4, now() - 1h)) << "a deadline that is over";
}

TEST_F(StoreTest, AWaitForARepositoryThatGoesEndsWithNothing) {
  EXPECT_EQ(store_.wait_covered(kDocs, 1, never()), nullptr);
  store_.report(added());
  auto waiting = wait_for(1, never());
  store_.report(RepositoryRemoved{kDocs});
  EXPECT_EQ(waiting.get(), nullptr);
}

TEST_F(StoreTest, StoppingEndsAllWaitsNowAndLater) {
  store_.report(added());
  auto first = wait_for(1, never());
  auto second = wait_for(2, never());
  store_.stop_waiting();
  EXPECT_EQ(first.get(), nullptr);
  EXPECT_EQ(second.get(), nullptr);
  EXPECT_EQ(store_.wait_covered(kDocs, 1, never()), nullptr);
}

TEST_F(StoreTest, ReadersSeeEveryStateWholeWhileAWriterGoesOn) {
  store_.report(added());
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      Ticket last = 0;
      while (!done) {
        const auto state = store_.find(kDocs);
        EXPECT_GE(state->covered, last);
        last = state->covered;
        if (state->last_outcome) {
          EXPECT_EQ(state->last_outcome->ticket, state->covered);
        }
      }
    });
  }
  for (Ticket ticket = 1; ticket <= 2000; ++ticket) {
    store_.report(finished(ticket));
  }
  done = true;
  for (std::thread& reader : readers) {
    reader.join();
  }
}

}  // namespace
}  // namespace freshet::state
