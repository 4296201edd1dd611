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
                               ObjectId::parse(kA), kNow, 60s, kSpares);
  EXPECT_THAT(plan.remove, ElementsAre("tmp.1", "trash.2", "link.3"));
  EXPECT_THAT(plan.mark_retired, IsEmpty());
  EXPECT_FALSE(plan.next);
}

TEST(Sweeping, KeepsAReplacedTreeForItsTime) {
  const auto early =
      plan_sweep({kA, kB}, {{kB, kNow - 59s}}, ObjectId::parse(kA), kNow, Duration(60s), kSpares);
  EXPECT_THAT(early.remove, IsEmpty());
  EXPECT_EQ(early.next, kNow + 1s);
  const auto due =
      plan_sweep({kA, kB}, {{kB, kNow - 60s}}, ObjectId::parse(kA), kNow, Duration(60s), kSpares);
  EXPECT_THAT(due.remove, IsEmpty());
  EXPECT_THAT(due.reuse, ElementsAre(*ObjectId::parse(kB)));
  EXPECT_FALSE(due.next);
}

TEST(Sweeping, KeepsTwoSparesAndPrefersTheTreesThatWereReplacedLast) {
  const std::string c(40, 'c');
  const std::string d(40, 'd');
  const std::string e(40, 'e');
  const auto plan =
      plan_sweep({kA, kB, c, d, "spare." + e}, {{kB, kNow - 3h}, {c, kNow - 1h}, {d, kNow - 2h}},
                 ObjectId::parse(kA), kNow, Duration(60s), kSpares);
  EXPECT_THAT(plan.reuse, ElementsAre(*ObjectId::parse(c)));
  EXPECT_THAT(plan.remove, ElementsAre(d, kB));
}

TEST(Sweeping, RemovesATreeOfWhoseCommitThereIsASpare) {
  const auto plan = plan_sweep({kA, kB, "spare." + kB}, {{kB, kNow - 60s}}, ObjectId::parse(kA),
                               kNow, Duration(60s), kSpares);
  EXPECT_THAT(plan.reuse, IsEmpty());
  EXPECT_THAT(plan.remove, ElementsAre(kB));
}

TEST(Sweeping, RemovesSparesBeyondTheSecond) {
  const auto plan =
      plan_sweep({kA, "spare." + kA, "spare." + kB, "spare." + std::string(40, 'c'), "spare.notes"},
                 {}, ObjectId::parse(kA), kNow, Duration(60s), kSpares);
  EXPECT_THAT(plan.remove, ElementsAre("spare." + std::string(40, 'c')));
}

TEST(Sweeping, StartsTheTimeOfATreeThatACrashLeftUnmarked) {
  const auto plan = plan_sweep({kA, kB}, {}, ObjectId::parse(kA), kNow, Duration(60s), kSpares);
  EXPECT_THAT(plan.remove, IsEmpty());
  EXPECT_THAT(plan.mark_retired, ElementsAre(kB));
  EXPECT_EQ(plan.next, kNow + 60s);
}

TEST(Sweeping, IsNotHeldUpByAClockThatWasSetBack) {
  const auto plan =
      plan_sweep({kA, kB}, {{kB, kNow + 24h}}, ObjectId::parse(kA), kNow, Duration(60s), kSpares);
  EXPECT_EQ(plan.next, kNow + 60s);
}

IndexEntry entry_of(const std::string& path, const std::string& id) {
  IndexEntry entry;
  entry.entry = {path, 0100644, *ObjectId::parse(id)};
  entry.info.st_size = 7;
  return entry;
}

TEST(IndexFile, UpdatedIsAsOneMadeAnew) {
  const std::string deep(5000, 'p');
  const std::string old = encode_index(
      {entry_of("a", kA), entry_of("a-", kA), entry_of("a/b", kA), entry_of(deep, kA)});
  const auto updated = update_index(
      old, {"a", "none", "a/b"},
      {entry_of("a/b/c", kB), entry_of("a-", kB), entry_of("z", kB), entry_of("0", kB)});
  EXPECT_EQ(updated, encode_index({entry_of("0", kB), entry_of("a-", kB), entry_of("a/b/c", kB),
                                   entry_of(deep, kA), entry_of("z", kB)}));
  EXPECT_EQ(update_index(encode_index({}), {}, {}), encode_index({}));
}

TEST(IndexFile, ThatIsDamagedOrNotOursIsNotUpdated) {
  const std::string good = encode_index({entry_of("a", kA), entry_of("b", kA)});
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(update_index(good.substr(0, size), {}, {})) << size;
  }
  std::string newer = good;
  newer[7] = 4;
  EXPECT_FALSE(update_index(newer, {}, {}));
  EXPECT_FALSE(update_index(good + "TREE", {}, {}));
}

TEST(IndexFile, TellsWhatIsRecordedOfEachPath) {
  const std::string bytes = encode_index({entry_of("b", kB), entry_of("a", kA)});
  const auto records = read_index(bytes);
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 2U);
  EXPECT_EQ((*records)[0].path, "a");
  EXPECT_EQ((*records)[0].size, 7U);
  EXPECT_EQ((*records)[0].mode, 0100644U);
  EXPECT_EQ(to_hex((*records)[1].id), kB);
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
