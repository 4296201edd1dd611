#include "base/cancel.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <optional>

namespace freshet {
namespace {

bool readable(int descriptor) {
  pollfd entry{descriptor, POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

TEST(CancelToken, CopiesShareTheState) {
  const CancelToken token;
  const CancelToken copy = token;
  EXPECT_FALSE(copy.cancelled());
  token.cancel();
  EXPECT_TRUE(copy.cancelled());
}

TEST(CancelToken, TheDescriptorIsReadableWheneverItIsAskedFor) {
  const CancelToken before;
  EXPECT_FALSE(readable(before.descriptor()));
  before.cancel();
  EXPECT_TRUE(readable(before.descriptor()));

  const CancelToken after;
  after.cancel();
  EXPECT_TRUE(readable(after.descriptor()));
}

TEST(CancelToken, CallsEveryWatchOnce) {
  const CancelToken token;
  int calls = 0;
  const CancelToken::Watch one(token, [&] { ++calls; });
  const CancelToken::Watch other(token, [&] { ++calls; });
  EXPECT_EQ(calls, 0);
  token.cancel();
  token.cancel();
  EXPECT_EQ(calls, 2);
}

TEST(CancelToken, CallsAWatchAtOnceThatComesTooLate) {
  const CancelToken token;
  token.cancel();
  int calls = 0;
  const CancelToken::Watch late(token, [&] { ++calls; });
  EXPECT_EQ(calls, 1);
}

TEST(CancelToken, ForgetsAWatchThatIsGone) {
  const CancelToken token;
  int calls = 0;
  std::optional<CancelToken::Watch> watch(std::in_place, token, [&] { ++calls; });
  CancelToken::Watch moved = std::move(*watch);
  watch.reset();
  moved = CancelToken::Watch();
  token.cancel();
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace freshet
