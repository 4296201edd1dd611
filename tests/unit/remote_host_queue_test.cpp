#include "remote/host_queue.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

using freshet::remote::HostQueue;
using Ids = std::vector<HostQueue::Id>;

namespace {

const auto kEverybody = [](HostQueue::Id) { return true; };

Ids all_next(HostQueue& queue, HostQueue::Host& host, const std::set<HostQueue::Id>& gone = {}) {
  Ids ids;
  while (const auto id = queue.next(host, [&](HostQueue::Id i) { return gone.count(i) == 0; })) {
    ids.push_back(*id);
  }
  return ids;
}

}  // namespace

TEST(HostQueue, LetsAsManyRunAsTheLimitAndTheOthersInTurn) {
  HostQueue queue;
  HostQueue::Host& host = queue.enter("a", 2);
  EXPECT_TRUE(queue.start(host, 1));
  EXPECT_TRUE(queue.start(host, 2));
  EXPECT_FALSE(queue.start(host, 3));
  EXPECT_FALSE(queue.start(host, 4));
  EXPECT_EQ(queue.next(host, kEverybody), std::nullopt);
  queue.leave(host);
  EXPECT_FALSE(queue.start(host, 5)) << "nobody overtakes those who wait";
  EXPECT_EQ(all_next(queue, host), Ids{3});
  queue.leave(host);
  queue.leave(host);
  EXPECT_EQ(all_next(queue, host), (Ids{4, 5}));
}

TEST(HostQueue, PassesOverThoseWhoGaveUp) {
  HostQueue queue;
  HostQueue::Host& host = queue.enter("a", 1);
  queue.start(host, 1);
  for (const HostQueue::Id id : {2, 3, 4}) {
    EXPECT_FALSE(queue.start(host, id));
  }
  queue.give_up(host);
  queue.give_up(host);
  queue.leave(host);
  EXPECT_EQ(all_next(queue, host, {2, 3}), Ids{4});
  EXPECT_EQ(host.waiting, 0U);
}

TEST(HostQueue, FollowsALimitThatChanges) {
  HostQueue queue;
  HostQueue::Host& host = queue.enter("a", 1);
  for (HostQueue::Id id = 1; id <= 4; ++id) {
    queue.start(host, id);
  }
  host.limit = 3;
  EXPECT_EQ(all_next(queue, host), (Ids{2, 3}));
  host.limit = 1;
  queue.leave(host);
  EXPECT_EQ(all_next(queue, host), Ids{});
}

TEST(HostQueue, KeepsHostsApartAndForgetsThemWhenNobodyIsThere) {
  HostQueue queue;
  HostQueue::Host& a = queue.enter("a", 1);
  HostQueue::Host& b = queue.enter("b", 1);
  EXPECT_TRUE(queue.start(a, 1));
  EXPECT_TRUE(queue.start(b, 2));
  EXPECT_FALSE(queue.start(b, 3));
  queue.tidy("a");
  EXPECT_EQ(queue.find("a"), &a);
  EXPECT_EQ(&queue.enter("a", 9), &a);
  EXPECT_EQ(a.limit, 1U);
  queue.leave(a);
  queue.tidy("a");
  EXPECT_EQ(queue.find("a"), nullptr);
  queue.leave(b);
  queue.tidy("b");
  EXPECT_EQ(queue.find("b"), &b) << "one still waits";
}
