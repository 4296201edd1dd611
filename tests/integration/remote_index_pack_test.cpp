#include "remote/index_pack.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <sstream>

#include "support/git_fixture.h"

namespace freshet::remote {
namespace {

using freshet::testing::git;
using freshet::testing::GitRepository;
using freshet::testing::must;
using freshet::testing::TemporaryDirectory;

class IndexPackTest : public ::testing::Test {
 protected:
  IndexPackTest() {
    ::signal(SIGPIPE, SIG_IGN);  // as every command of the program has it
    git(directory_.path(), {"init", "-q", "--bare", mirror_});
  }

  std::string pack(const std::string& revisions) const {
    return freshet::testing::run(
               {"git", "-C", origin_.path(), "pack-objects", "--revs", "--thin", "--stdout", "-q"},
               revisions)
        .output;
  }

  Result<IndexedPack> index(const std::string& bytes) {
    IndexPackSpec spec;
    spec.mirror = mirror_;
    const std::string file = directory_ / "pack";
    must(write_file_atomically(file, bytes));
    return run_index_pack(spec, environment_, UniqueFd(::open(file.c_str(), O_RDONLY | O_CLOEXEC)),
                          CancelToken());
  }

  std::vector<std::string> objects() const {
    std::istringstream lines(
        git(mirror_, {"cat-file", "--batch-all-objects", "--batch-check=%(objectname)"}));
    std::vector<std::string> ids;
    for (std::string line; std::getline(lines, line);) {
      ids.push_back(line);
    }
    return ids;
  }

  TemporaryDirectory directory_;
  GitRepository origin_{directory_ / "origin"};
  std::string mirror_ = directory_ / "mirror.git";
  GitEnvironment environment_ = must(GitEnvironment::prepare(directory_.path()));
};

TEST_F(IndexPackTest, KnowsAPackThatNeedsNothingElse) {
  const ObjectId first = origin_.commit({{"a", "1"}});
  const IndexedPack whole = must(index(pack(first.hex() + "\n")));
  EXPECT_TRUE(whole.self_contained);
  const ObjectId second = origin_.commit({{"b", "2"}});
  const IndexedPack change = must(index(pack(second.hex() + "\n^" + first.hex() + "\n")));
  EXPECT_FALSE(change.self_contained);
  EXPECT_TRUE(pack_contains(mirror_, whole, first));
  EXPECT_FALSE(pack_contains(mirror_, whole, second));
  EXPECT_TRUE(pack_contains(mirror_, change, second));
}

TEST_F(IndexPackTest, FindsEveryObjectOfAPackAndNoOther) {
  std::map<std::string, std::string> files;
  for (int i = 0; i < 100; ++i) {
    files["f" + std::to_string(i)] = std::to_string(i);
  }
  const IndexedPack all = must(index(pack(origin_.commit(files).hex() + "\n")));
  const std::vector<std::string> ids = objects();
  ASSERT_EQ(ids.size(), 102U);
  for (std::string id : ids) {
    EXPECT_TRUE(pack_contains(mirror_, all, ObjectId::parse(id).value())) << id;
    id.back() = id.back() == '0' ? '1' : '0';
    EXPECT_FALSE(pack_contains(mirror_, all, ObjectId::parse(id).value())) << id;
  }
  EXPECT_FALSE(pack_contains(mirror_, all, ObjectId::parse(std::string(40, '0')).value()));
  EXPECT_FALSE(pack_contains(mirror_, all, ObjectId::parse(std::string(40, 'f')).value()));
  EXPECT_FALSE(pack_contains(mirror_, {"no such pack", true}, ObjectId::parse(ids[0]).value()));
}

TEST_F(IndexPackTest, TakesAnEmptyPack) {
  EXPECT_TRUE(index(pack("")));
}

TEST_F(IndexPackTest, TakesTheHarmlessFlawsOfOldHistories) {
  origin_.commit({{"a", "1"}});
  const std::string commit = "tree " + origin_.id("HEAD^{tree}").hex() +
                             "\nauthor Ann<ann> 1 +051800\ncommitter Ann <ann> 01 +0000\n\nold\n";
  const std::string id =
      origin_.git({"hash-object", "-t", "commit", "-w", "--literally", "--stdin"}, commit);
  const auto indexed = index(pack(id + "\n"));
  EXPECT_TRUE(indexed) << indexed.error().message;
}

TEST_F(IndexPackTest, RefusesATreeThatCouldDoHarm) {
  const std::string blob = origin_.git({"hash-object", "-w", "--stdin"}, "x");
  std::string raw;
  for (std::size_t i = 0; i < blob.size(); i += 2) {
    raw += static_cast<char>(std::stoi(blob.substr(i, 2), nullptr, 16));
  }
  for (const char* name : {"..", ".git", "a/b"}) {
    const std::string tree =
        origin_.git({"hash-object", "-t", "tree", "-w", "--literally", "--stdin"},
                    std::string("100644 ").append(name).append(1, '\0').append(raw));
    const std::string packed =
        freshet::testing::run({"git", "-C", origin_.path(), "pack-objects", "--stdout", "-q"},
                              std::string(tree).append("\n").append(blob).append("\n"))
            .output;
    const auto indexed = index(packed);
    ASSERT_FALSE(indexed) << name;
    EXPECT_EQ(to_string(indexed.error().error_class), "corrupt");
  }
}

TEST_F(IndexPackTest, LeavesNothingOfAPackThatEndsEarly) {
  const ObjectId tip = origin_.commit({{"a", std::string(10'000, 'x')}});
  const std::string whole = pack(tip.hex() + "\n");
  for (const std::size_t size : {std::size_t{0}, std::size_t{11}, whole.size() - 1}) {
    const auto indexed = index(whole.substr(0, size));
    ASSERT_FALSE(indexed) << size;
    EXPECT_EQ(to_string(indexed.error().error_class), "corrupt");
    EXPECT_EQ(must(list_directory(mirror_ + "/objects/pack")).size(), 0U);
  }
}

TEST_F(IndexPackTest, EndsWhenItIsCancelledOrTooLate) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd silent(ends[1]);
  const CancelToken cancel;
  cancel.cancel();
  IndexPackSpec spec;
  spec.mirror = mirror_;
  const int copy = ::fcntl(ends[0], F_DUPFD_CLOEXEC, 3);
  const auto cancelled = run_index_pack(spec, environment_, UniqueFd(ends[0]), cancel);
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(to_string(cancelled.error().error_class), "conflict");
  spec.time_limit = std::chrono::milliseconds(50);
  const auto late = run_index_pack(spec, environment_, UniqueFd(copy), CancelToken());
  ASSERT_FALSE(late);
  EXPECT_EQ(to_string(late.error().error_class), "timeout");
}

}  // namespace
}  // namespace freshet::remote
