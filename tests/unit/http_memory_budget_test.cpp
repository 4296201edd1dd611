#include "http/memory_budget.h"

#include <gtest/gtest.h>

namespace freshet::http {
namespace {

constexpr std::size_t kMiB = std::size_t{1024} * 1024;
constexpr std::size_t kSmall = MemoryBudget::kSmall;

class Budget : public testing::Test {
 protected:
  MemoryBudget budget_{16 * kMiB};
};

TEST_F(Budget, gives_no_more_than_there_is) {
  EXPECT_TRUE(budget_.take(16 * kMiB));
  EXPECT_FALSE(budget_.take(1));
  budget_.give(16 * kMiB);
  EXPECT_EQ(budget_.used(), 0U);
  EXPECT_FALSE(budget_.take(16 * kMiB + 1));
}

TEST_F(Budget, large_bodies_leave_a_quarter_to_small_ones) {
  for (const std::string client : {"a", "b", "c"}) {
    EXPECT_TRUE(budget_.take(4 * kMiB, 0, client));
  }
  EXPECT_FALSE(budget_.take(kSmall + 1, 0, "d"));
  EXPECT_FALSE(budget_.take(kSmall + 1));
  for (std::size_t taken = 0; taken < 4 * kMiB; taken += kSmall) {
    EXPECT_TRUE(budget_.take(kSmall, 0, "e"));
  }
  EXPECT_FALSE(budget_.take(1, 0, "e"));
}

TEST_F(Budget, one_client_has_at_most_half_of_what_large_bodies_have) {
  EXPECT_TRUE(budget_.take(3 * kMiB, 0, "a"));
  EXPECT_TRUE(budget_.take(3 * kMiB, 0, "a"));
  EXPECT_FALSE(budget_.take(kSmall + 1, 0, "a"));
  EXPECT_TRUE(budget_.take(kSmall, 0, "a"));
  EXPECT_TRUE(budget_.take(6 * kMiB, 0, "b"));
  budget_.give(3 * kMiB, "a");
  EXPECT_TRUE(budget_.take(3 * kMiB, 0, "a"));
}

TEST_F(Budget, clients_that_are_not_known_share_nothing) {
  EXPECT_TRUE(budget_.take(6 * kMiB));
  EXPECT_TRUE(budget_.take(6 * kMiB));
}

TEST_F(Budget, a_body_alone_may_take_what_there_is_so_that_the_largest_can_ever_pass) {
  EXPECT_TRUE(budget_.take(8 * kMiB, 0, "a"));
  EXPECT_FALSE(budget_.take(17 * kMiB, 8 * kMiB, "a"));
  EXPECT_TRUE(budget_.take(16 * kMiB, 8 * kMiB, "a"));  // as it grows
  EXPECT_EQ(budget_.used(), 16 * kMiB);
  EXPECT_TRUE(budget_.take(8 * kMiB, 16 * kMiB, "a"));
  EXPECT_FALSE(budget_.take(5 * kMiB, 0, "b"));
  EXPECT_TRUE(budget_.take(4 * kMiB, 0, "b"));
}

TEST_F(Budget, can_change_and_what_was_taken_stays_taken) {
  EXPECT_TRUE(budget_.take(8 * kMiB));
  budget_.change(kMiB);
  EXPECT_FALSE(budget_.take(1));
  EXPECT_EQ(budget_.used(), 8 * kMiB);
  budget_.give(8 * kMiB);
  EXPECT_TRUE(budget_.take(kMiB));
}

}  // namespace
}  // namespace freshet::http
