#include "checkout/drift.h"

#include <gmock/gmock.h>
#include <sys/time.h>

#include "support/checkout_fixture.h"

namespace freshet::checkout {
namespace {

using namespace std::chrono_literals;
using freshet::testing::CheckoutFixture;
using freshet::testing::file;
using freshet::testing::git;
using freshet::testing::must;
using freshet::testing::snapshot_of;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class DriftTest : public CheckoutFixture {
 protected:
  std::vector<std::string> drift(const ObjectId& id, DriftCheck check = DriftCheck::quick) const {
    return must(find_drift(spec_, mirror_, id, check, cancel_));
  }
  void repair(const std::vector<std::string>& paths) const {
    must(repair_drift(spec_, mirror_, paths, cancel_));
  }
  ObjectId everything(const std::string& text) const {
    return commit({{"README", file(text)},
                   {"same", file("same\n")},
                   {"run", {"100755", "x"}},
                   {"link", {"120000", "same"}},
                   {".gitattributes", file("dos.txt text eol=crlf\n")},
                   {"dos.txt", file("a\nb\n")},
                   {"folder/deep/file", file("deep\n")},
                   {"lib", {"160000", std::string(40, 'd')}}});
  }
  std::string at(const std::string& name) const { return path_ + "/" + name; }

  /// Overwrites the bytes of the file itself, which other trees may share.
  static void overwrite(const std::string& path, const std::string& content) {
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
    must(write_all(fd.get(), content, path));
  }

  void change_everything() const {
    overwrite(at("same"), "other\n");
    must(remove_tree(at("link")));
    ASSERT_EQ(::symlink("README", at("link").c_str()), 0);
    must(remove_tree(at("folder")));
    ASSERT_EQ(::symlink("/tmp", at("folder").c_str()), 0);
    ASSERT_EQ(::chmod(at("run").c_str(), 0644), 0);
    must(remove_tree(at("README")));
    must(make_directories(at("README/inside")));
    must(remove_tree(at("lib")));
    overwrite(at("dos.txt"), "a\nb\n");
  }
};

TEST_F(DriftTest, NothingIsFoundInATreeThatNobodyTouched) {
  const ObjectId id = everything("a\n");
  must(publish(id));
  EXPECT_THAT(drift(id), IsEmpty());
  EXPECT_THAT(drift(id, DriftCheck::full), IsEmpty());
}

TEST_F(DriftTest, FilesThatAreNotTrackedAreNone) {
  const ObjectId id = everything("a\n");
  must(publish(id));
  must(write_new_file(at("mine"), "mine"));
  EXPECT_THAT(drift(id, DriftCheck::full), IsEmpty());
}

TEST_F(DriftTest, EveryKindOfChangeIsFoundAndRepaired) {
  const ObjectId id = everything("a\n");
  for (const char* mode : {"atomic", "in_place"}) {
    for (const bool with_git : {true, false}) {
      spec_.mode = mode;
      spec_.git = with_git;
      must(remove_tree(path_));
      must(remove_tree(slots_));
      must(publish(id));
      if (spec_.mode == "atomic") {
        change_everything();
        EXPECT_THAT(drift(id), ElementsAre("README", "dos.txt", "folder", "folder/deep",
                                           "folder/deep/file", "lib", "link", "run", "same"));
      } else {
        overwrite(at("same"), "other\n");
        must(remove_tree(at("link")));
        ASSERT_EQ(::chmod(at("run").c_str(), 0644), 0);
        must(remove_tree(at("folder")));
        EXPECT_THAT(drift(id), ElementsAre("folder", "folder/deep", "folder/deep/file", "link",
                                           "run", "same"));
      }
      repair(drift(id));
      EXPECT_THAT(drift(id, DriftCheck::full), IsEmpty());
      expect_same(snapshot_of(path_ + "/."), reference(id));
      if (with_git) {
        EXPECT_EQ(git(path_, {"status", "--porcelain"}), "");
      }
    }
  }
}

TEST_F(DriftTest, InPlaceWhatStandsInTheWayKeepsNobodyFromRepairingTheRest) {
  spec_.mode = "in_place";
  const ObjectId id = everything("a\n");
  must(publish(id));
  must(remove_tree(at("folder")));
  ASSERT_EQ(::symlink("/nonexistent", at("folder").c_str()), 0);
  overwrite(at("same"), "other\n");
  const auto repaired = repair_drift(spec_, mirror_, drift(id), CancelToken());
  ASSERT_FALSE(repaired);
  EXPECT_EQ(repaired.error().error_class, ErrorClass::conflict) << repaired.error().message;
  EXPECT_THAT(drift(id), ElementsAre("folder", "folder/deep", "folder/deep/file"));
}

TEST_F(DriftTest, ContentOfTheSameSizeAndTimeIsFoundByAFullCheck) {
  const ObjectId id = everything("a\n");
  must(publish(id));
  struct stat info {};
  ASSERT_EQ(::stat(at("same").c_str(), &info), 0);
  overwrite(at("same"), "SAME\n");
  const std::array times{info.st_atim, info.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, at("same").c_str(), times.data(), 0), 0);
  EXPECT_THAT(drift(id, DriftCheck::full), ElementsAre("same"));
}

TEST_F(DriftTest, ARepairReachesEveryTreeThatSharesTheFile) {
  const ObjectId a = everything("a\n");
  const ObjectId b = everything("b\n");
  must(publish(a));
  must(prepare_spare(spec_, mirror_, cancel_));
  must(publish(b));
  must(prepare_spare(spec_, mirror_, cancel_));
  EXPECT_THAT(spares(), SizeIs(1));
  overwrite(at("same"), "other\n");
  ASSERT_EQ(must(read_file(slot(a) + "/same")), "other\n") << "they share it";

  repair(drift(b));

  for (const std::string& tree : {slot(a), slot(b), slots_ + "/" + spares().at(0)}) {
    EXPECT_EQ(must(read_file(tree + "/same")), "same\n") << tree;
    EXPECT_EQ(git(tree, {"status", "--porcelain"}), "") << tree;
  }
  const ObjectId c = everything("c\n");
  must(publish(c));
  expect_same_tree(c);
}

TEST_F(DriftTest, AnotherCommitThatWasPublishedMeanwhileIsNotMistakenForDrift) {
  const ObjectId a = everything("a\n");
  must(publish(a));
  must(publish(everything("b\n")));
  const auto found = find_drift(spec_, mirror_, a, DriftCheck::full, cancel_);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().error_class, ErrorClass::conflict);
}

TEST_F(DriftTest, IsLookedForOnceADay) {
  const ObjectId id = everything("a\n");
  must(publish(id));
  const WallTime now = wall_now();
  EXPECT_GT(drift_check_due(spec_, now), now + 23h);
  const timeval long_ago{1'700'000'000, 0};
  const std::array times{long_ago, long_ago};
  ASSERT_EQ(::utimes((slots_ + "/drift_checked").c_str(), times.data()), 0);
  EXPECT_LE(drift_check_due(spec_, now), now);
  EXPECT_EQ(must(mend_drift(spec_, mirror_, cancel_)), 0U);
  EXPECT_GT(drift_check_due(spec_, now), now);
}

TEST_F(DriftTest, IsMendedInOneGo) {
  EXPECT_EQ(must(mend_drift(spec_, mirror_, cancel_)), std::nullopt) << "nothing is published";
  const ObjectId id = everything("a\n");
  must(publish(id));
  const auto before = snapshot_of(path_);
  change_everything();
  EXPECT_EQ(must(mend_drift(spec_, mirror_, cancel_)), 9U);
  EXPECT_EQ(snapshot_of(path_), before);
  EXPECT_EQ(must(mend_drift(spec_, mirror_, cancel_)), 0U);
}

}  // namespace
}  // namespace freshet::checkout
