#include "mirror/care.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "mirror/mirror.h"
#include "mirror/slot_refs.h"
#include "support/git_fixture.h"

namespace freshet::mirror {
namespace {

using freshet::testing::git;
using freshet::testing::GitRepository;
using freshet::testing::must;
using freshet::testing::TemporaryDirectory;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class CareTest : public ::testing::Test {
 protected:
  CareTest() {
    id_ = source_.commit({{"a", "1"}});
    git(path_, {"fetch", "-q", "--no-tags", "--no-write-fetch-head", source_.path(),
                "+refs/*:refs/freshet/incoming/*"});
  }

  void have_branches(std::size_t count) {
    RefChanges changes;
    for (std::size_t number = 0; number < count; ++number) {
      changes.set.emplace(RefName("refs/heads/b" + std::to_string(number)), id_);
    }
    must(mirror_.apply(changes));
  }
  std::vector<std::string> files() { return must(list_directory(path_ + "/refs/heads")); }

  TemporaryDirectory directory_;
  GitEnvironment environment_ = must(GitEnvironment::prepare(directory_.path()));
  GitRepository source_{directory_ / "source"};
  std::string path_ = directory_ / "state/mirrors/example.org/docs.git";
  Mirror mirror_ = must(Mirror::open_or_create(path_, environment_));
  ObjectId id_;
};

TEST_F(CareTest, PutsRefsIntoOneFileOnceManyHaveTheirOwn) {
  have_branches(250);
  must(pack_refs(mirror_.place(), CancelToken()));
  EXPECT_THAT(files(), SizeIs(0));
  EXPECT_THAT(must(mirror_.refs()), SizeIs(250));
  EXPECT_EQ(must(mirror_.find(RefName("refs/heads/b249"))), id_);
}

TEST_F(CareTest, LeavesFewRefsInTheirFiles) {
  have_branches(100);
  must(pack_refs(mirror_.place(), CancelToken()));
  EXPECT_THAT(files(), SizeIs(100));
}

TEST_F(CareTest, KeepsTheCommitsOfTreesWhenRefsArePacked) {
  must(keep_slot_commits(path_, "/srv/docs", {id_}));
  const std::string slots = git(path_, {"for-each-ref", "refs/freshet/slots"});
  have_branches(250);
  must(pack_refs(mirror_.place(), CancelToken()));
  must(forget_packed_slot_refs(mirror_.place()));
  EXPECT_EQ(git(path_, {"for-each-ref", "refs/freshet/slots"}), slots);
  must(keep_slot_commits(path_, "/srv/docs", {}));
  must(forget_packed_slot_refs(mirror_.place()));
  EXPECT_EQ(git(path_, {"for-each-ref", "refs/freshet/slots"}), "");
}

TEST_F(CareTest, KeepsNoCommitThatAMirrorFetchedAnewDoesNotHave) {
  const ObjectId before = *ObjectId::parse("1234567890123456789012345678901234567890");
  must(keep_slot_commits(path_, "/srv/docs", {id_, before}));
  EXPECT_THAT(git(path_, {"for-each-ref", "refs/freshet/slots"}), HasSubstr(id_.hex()));
  EXPECT_FALSE(must(is_damaged(mirror_.place(), CancelToken())));
}

}  // namespace
}  // namespace freshet::mirror
