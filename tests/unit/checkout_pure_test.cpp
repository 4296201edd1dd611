#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hmac.h"
#include "checkout/index_file.h"
#include "checkout/path_rules.h"
#include "checkout/slot_directory.h"

namespace freshet::checkout {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const WallTime kNow{std::chrono::hours(1000)};
const std::string kA(40, 'a');
const std::string kB(40, 'b');

TEST(EntryNames, ThatAnyFileSystemTakesForGitAreRefused) {
  for (const char* name :
       {"", ".", "..", "a/b", ".git", ".GIT", ".Git", ".git.", ".git ", ".git . ", ".git:stream",
        "git~1", "GIT~1", "git~1.", ".g\xe2\x80\x8cit", "\xef\xbb\xbf.git", ".git\xe2\x81\xaf"}) {
    EXPECT_FALSE(is_safe_entry_name(name)) << name;
  }
  EXPECT_FALSE(is_safe_entry_name(std::string_view("a\0b", 3)));
}

TEST(EntryNames, OfEveryOtherKindAreWritten) {
  for (const char* name : {"a", ".gitignore", ".gitattributes", "git", "git~2", ".github", "a b",
                           "\xff\xfe", "-rf", ".git-blame", "git~10", "\xe2\x80\x8c"}) {
    EXPECT_TRUE(is_safe_entry_name(name)) << name;
  }
}

TEST(Layout, KeepsTreesBesideTheLink) {
  const Layout layout("/srv/docs");
  EXPECT_EQ(layout.directory, "/srv/.docs.freshet");
  EXPECT_EQ(layout.target_of(*ObjectId::parse(kA)), ".docs.freshet/" + kA);
  EXPECT_EQ(Layout("/docs").directory, "/.docs.freshet");
}

TEST(Sweeping, RemovesLeftoversAtOnceAndNothingUnknown) {
  const auto plan = plan_sweep({"README", "lock", "tmp.1", "trash.2", "link.3", "state", kA}, {},
                               ObjectId::parse(kA), kNow, 60s);
  EXPECT_THAT(plan.remove, ElementsAre("tmp.1", "trash.2", "link.3"));
  EXPECT_THAT(plan.mark_retired, IsEmpty());
  EXPECT_FALSE(plan.next);
}

TEST(Sweeping, KeepsAReplacedTreeForItsTime) {
  const auto early =
      plan_sweep({kA, kB}, {{kB, kNow - 59s}}, ObjectId::parse(kA), kNow, Duration(60s));
  EXPECT_THAT(early.remove, IsEmpty());
  EXPECT_EQ(early.next, kNow + 1s);
  const auto due =
      plan_sweep({kA, kB}, {{kB, kNow - 60s}}, ObjectId::parse(kA), kNow, Duration(60s));
  EXPECT_THAT(due.remove, ElementsAre(kB));
  EXPECT_FALSE(due.next);
}

TEST(Sweeping, StartsTheTimeOfATreeThatACrashLeftUnmarked) {
  const auto plan = plan_sweep({kA, kB}, {}, ObjectId::parse(kA), kNow, Duration(60s));
  EXPECT_THAT(plan.remove, IsEmpty());
  EXPECT_THAT(plan.mark_retired, ElementsAre(kB));
  EXPECT_EQ(plan.next, kNow + 60s);
}

TEST(Sweeping, IsNotHeldUpByAClockThatWasSetBack) {
  const auto plan =
      plan_sweep({kA, kB}, {{kB, kNow + 24h}}, ObjectId::parse(kA), kNow, Duration(60s));
  EXPECT_EQ(plan.next, kNow + 60s);
}

TEST(IndexFile, PadsEntriesAndEndsInItsChecksum) {
  IndexEntry entry;
  entry.entry = {"a", 0100644, *ObjectId::parse(kA)};
  const std::string bytes = encode_index({entry});
  EXPECT_EQ(bytes.size(), 12U + 64U + 20U);
  EXPECT_EQ(bytes.substr(0, 4), "DIRC");
  EXPECT_EQ(bytes.substr(bytes.size() - 20), sha1(bytes.substr(0, bytes.size() - 20)));
}

}  // namespace
}  // namespace freshet::checkout
