#include <gmock/gmock.h>

#include <cstdlib>
#include <random>

#include "support/checkout_fixture.h"
#include "support/commit_series.h"

// One commit after the other is published from what is there, and compared with what git makes of
// it: FRESHET_TEST_SEED repeats a run, FRESHET_TEST_PAIRS makes it longer.

namespace freshet::checkout {
namespace {

using namespace std::chrono_literals;
using freshet::testing::CheckoutFixture;
using freshet::testing::git;
using freshet::testing::import_commits;
using freshet::testing::must;
using freshet::testing::snapshot_of;
using freshet::testing::Tree;
using freshet::testing::TreeMaker;

unsigned from_environment(const char* name, unsigned otherwise) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return text != nullptr ? static_cast<unsigned>(std::stoul(text)) : otherwise;
}

class SeriesTest : public CheckoutFixture {
 protected:
  void SetUp() override {
    CheckoutFixture::SetUp();
    spec_.keep_old = 0s;
    must(make_directories(directory_ / "outside"));
    must(write_new_file(directory_ / "outside/precious", "mine"));
    in_place_ = spec_;
    in_place_.mode = "in_place";
    in_place_.path = directory_ / "www/real";
    std::cout << "FRESHET_TEST_SEED=" << seed_ << std::endl;
    TreeMaker maker(seed_, directory_ / "outside");
    for (unsigned i = 0; i < from_environment("FRESHET_TEST_PAIRS", 200); ++i) {
      trees_.push_back(maker.next());
    }
    commits_ = import_commits(source_, trees_);
    bring();
  }

  void TearDown() override {
    EXPECT_EQ(snapshot_of(directory_ / "outside").size(), 1U);
    EXPECT_EQ(must(read_file(directory_ / "outside/precious")), "mine");
  }

  bool chance(int percent) { return std::uniform_int_distribution<>(1, 100)(random_) <= percent; }

  void expect_index_of(std::size_t i, const std::string& path) {
    EXPECT_EQ(git(path, {"rev-parse", "HEAD"}), commits_[i].hex());
    EXPECT_EQ(git(path, {"diff-index", "--cached", "--raw", "HEAD"}), "");
    const bool has_attributes = std::any_of(
        trees_[i].begin(), trees_[i].end(),
        [](const auto& file) { return base_name("/" + file.first) == ".gitattributes"; });
    if (!has_attributes) {  // with some, git itself finds its own fresh working tree changed
      EXPECT_EQ(git(path, {"status", "--porcelain"}), "");
    }
  }

  const unsigned seed_ = from_environment("FRESHET_TEST_SEED", std::random_device{}() % 1'000'000);
  std::mt19937 random_{seed_};
  CheckoutSpec in_place_;
  std::vector<Tree> trees_;
  std::vector<ObjectId> commits_;
};

TEST_F(SeriesTest, OfCommitsIsPublishedAsGitWritesEach) {
  for (std::size_t i = 0; i < commits_.size() && !HasFailure(); ++i) {
    SCOPED_TRACE("commit " + std::to_string(i));
    must(publish(commits_[i]));
    must(checkout::publish(in_place_, mirror_, commits_[i], cancel_));
    const auto wanted = reference(commits_[i]);
    EXPECT_EQ(read_current(path_)->commit, commits_[i]);
    expect_same(snapshot_of(slot(commits_[i])), wanted);
    expect_same(snapshot_of(in_place_.path), wanted);
    if (spec_.git) {
      expect_index_of(i, path_);
      expect_index_of(i, in_place_.path);
    }
    if (chance(70)) {
      must(sweep(spec_, mirror_));
    }
    if (chance(50)) {
      must(prepare_spare(spec_, mirror_, cancel_));
    }
    if (chance(5)) {
      spec_.git = !spec_.git;
      in_place_.git = spec_.git;
    }
  }
}

}  // namespace
}  // namespace freshet::checkout
