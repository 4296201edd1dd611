#include "base/files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "support/git_fixture.h"

namespace freshet {
namespace {

using freshet::testing::TemporaryDirectory;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

mode_t mode_of(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777U;
}

std::vector<std::string> names_in(const std::string& path) {
  return list_directory(path).value();
}

Result<void> write_into(const std::string& path, std::string_view text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return write_all(fd.get(), text, path);
}

class FilesTest : public ::testing::Test {
 protected:
  TemporaryDirectory directory_;
};

TEST_F(FilesTest, AreReadWhole) {
  const std::string content = std::string(100'000, 'x') + std::string("\0\n", 2);
  ASSERT_TRUE(write_new_file(directory_ / "a", content));
  EXPECT_EQ(read_file(directory_ / "a"), content);
  ASSERT_TRUE(write_new_file(directory_ / "empty", ""));
  EXPECT_EQ(read_file(directory_ / "empty"), "");
}

TEST_F(FilesTest, LargerThanTheLimitAreNotRead) {
  ASSERT_TRUE(write_new_file(directory_ / "a", "12345"));
  EXPECT_EQ(read_file(directory_ / "a", 5), "12345");
  const auto refused = read_file(directory_ / "a", 4);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error_class, ErrorClass::config);
}

TEST_F(FilesTest, ThatAreMissingOrNoFilesAreErrorsThatNameThePath) {
  for (const std::string& path : {directory_ / "none", directory_.path(), std::string()}) {
    const auto result = read_file(path);
    ASSERT_FALSE(result) << path;
    EXPECT_EQ(result.error().error_class, ErrorClass::config);
    EXPECT_THAT(result.error().message, HasSubstr(path));
  }
}

TEST_F(FilesTest, APipeIsReadOnlyForWhoWantsToWaitForIt) {
  const std::string pipe = directory_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto refused = read_file(pipe);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error_class, ErrorClass::config);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr(pipe), HasSubstr("no regular file")));
  std::thread writer([&] { static_cast<void>(write_into(pipe, "said")); });
  EXPECT_EQ(read_any_file(pipe), "said");
  writer.join();
}

TEST_F(FilesTest, AreReplacedWithNothingLeftBeside) {
  const std::string path = directory_ / "a";
  ASSERT_TRUE(write_file_atomically(path, "old", 0600));
  EXPECT_EQ(mode_of(path), 0600U);
  ASSERT_TRUE(write_file_atomically(path, "new"));
  EXPECT_EQ(read_file(path), "new");
  EXPECT_EQ(mode_of(path), 0644U);
  EXPECT_THAT(names_in(directory_.path()), ElementsAre("a"));
}

TEST_F(FilesTest, AReaderOfTheOldOneKeepsIt) {
  const std::string path = directory_ / "a";
  ASSERT_TRUE(write_file_atomically(path, "old"));
  ASSERT_EQ(::link(path.c_str(), (directory_ / "hard link").c_str()), 0);
  ASSERT_TRUE(write_file_atomically(path, "new"));
  EXPECT_EQ(read_file(directory_ / "hard link"), "old");
}

TEST_F(FilesTest, AReplacementTakesThePlaceOfALinkNotOfItsTarget) {
  ASSERT_TRUE(write_new_file(directory_ / "target", "old"));
  ASSERT_EQ(::symlink("target", (directory_ / "a").c_str()), 0);
  ASSERT_TRUE(write_file_atomically(directory_ / "a", "new"));
  EXPECT_EQ(read_file(directory_ / "target"), "old");
  EXPECT_EQ(read_file(directory_ / "a"), "new");
}

TEST_F(FilesTest, AFailedReplacementLeavesTheOldOneAndNothingBeside) {
  ASSERT_TRUE(make_directories(directory_ / "a/b"));
  EXPECT_FALSE(write_file_atomically(directory_ / "a", "new"));
  EXPECT_THAT(names_in(directory_.path()), ElementsAre("a"));
  EXPECT_FALSE(write_file_atomically(directory_ / "none/a", "new"));
}

TEST_F(FilesTest, ManyWritersOfOneNeverMix) {
  const std::string path = directory_ / "a";
  std::vector<std::thread> writers;
  for (const char c : {'a', 'b', 'c', 'd'}) {
    writers.emplace_back([&, c] {
      for (int i = 0; i < 20; ++i) {
        EXPECT_TRUE(write_file_atomically(path, std::string(10'000, c)));
        const auto content = read_file(path);
        ASSERT_TRUE(content);
        EXPECT_EQ(*content, std::string(10'000, content->front()));
      }
    });
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  EXPECT_THAT(names_in(directory_.path()), ElementsAre("a"));
}

TEST_F(FilesTest, NewOnesReplaceNothing) {
  const std::string path = directory_ / "a";
  ASSERT_TRUE(write_new_file(path, "first", 0600));
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_FALSE(write_new_file(path, "second"));
  EXPECT_EQ(read_file(path), "first");
  ASSERT_EQ(::symlink("target", (directory_ / "dangling").c_str()), 0);
  EXPECT_FALSE(write_new_file(directory_ / "dangling", "through"));
  EXPECT_FALSE(path_exists(directory_ / "target"));
}

TEST_F(FilesTest, DirectoriesAreMadeWithTheirParents) {
  EXPECT_TRUE(make_directories(directory_ / "a/b/c"));
  EXPECT_TRUE(is_directory(directory_ / "a/b/c"));
  EXPECT_EQ(mode_of(directory_ / "a/b"), 0755U);
  EXPECT_TRUE(make_directories(directory_ / "a/b/c")) << "there already";
  EXPECT_TRUE(make_directories("/"));
}

TEST_F(FilesTest, DirectoriesAreNotMadeWhereSomethingElseIs) {
  ASSERT_TRUE(write_new_file(directory_ / "file", ""));
  for (const char* path : {"file", "file/below"}) {
    const auto result = make_directories(directory_ / path);
    ASSERT_FALSE(result) << path;
    EXPECT_EQ(result.error().error_class, ErrorClass::config);
  }
  ASSERT_TRUE(make_directories(directory_ / "real"));
  ASSERT_EQ(::symlink("real", (directory_ / "link").c_str()), 0);
  EXPECT_TRUE(make_directories(directory_ / "link")) << "a link to a directory will do";
}

TEST_F(FilesTest, RemovingATreeFollowsNoLink) {
  ASSERT_TRUE(make_directories(directory_ / "outside/kept"));
  ASSERT_TRUE(write_new_file(directory_ / "outside/file", "kept"));
  ASSERT_TRUE(make_directories(directory_ / "tree/a/b"));
  ASSERT_TRUE(write_new_file(directory_ / "tree/a/file", ""));
  ASSERT_EQ(::symlink("../outside", (directory_ / "tree/directory").c_str()), 0);
  ASSERT_EQ(::symlink((directory_ / "outside/file").c_str(), (directory_ / "tree/a/f").c_str()), 0);
  ASSERT_EQ(::symlink("nowhere", (directory_ / "tree/a/b/dangling").c_str()), 0);
  ASSERT_TRUE(remove_tree(directory_ / "tree"));
  EXPECT_FALSE(path_exists(directory_ / "tree"));
  EXPECT_EQ(read_file(directory_ / "outside/file"), "kept");
  EXPECT_TRUE(is_directory(directory_ / "outside/kept"));
}

TEST_F(FilesTest, RemovingALinkLeavesWhatItLeadsTo) {
  ASSERT_TRUE(make_directories(directory_ / "outside/kept"));
  ASSERT_EQ(::symlink("outside", (directory_ / "link").c_str()), 0);
  ASSERT_TRUE(remove_tree(directory_ / "link"));
  EXPECT_THAT(names_in(directory_.path()), ElementsAre("outside"));
  EXPECT_TRUE(is_directory(directory_ / "outside/kept"));
}

TEST_F(FilesTest, RemovingTakesFilesEmptyDirectoriesAndWhatIsMissing) {
  ASSERT_TRUE(write_new_file(directory_ / "file", ""));
  ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);
  ASSERT_TRUE(make_directories(directory_ / "empty"));
  for (const char* name : {"file", "fifo", "empty", "none", "none/below"}) {
    EXPECT_TRUE(remove_tree(directory_ / name)) << name;
  }
  EXPECT_THAT(names_in(directory_.path()), IsEmpty());
}

TEST_F(FilesTest, ListingsAreSortedAndHoldEveryName) {
  for (const char* name : {"b", ".hidden", "a\nb", "\xff", "Z"}) {
    ASSERT_TRUE(write_new_file(directory_ / name, ""));
  }
  EXPECT_THAT(names_in(directory_.path()), ElementsAre(".hidden", "Z", "a\nb", "b", "\xff"));
  EXPECT_FALSE(list_directory(directory_ / "none"));
  EXPECT_FALSE(list_directory(directory_ / "b"));
}

TEST_F(FilesTest, ADanglingLinkExistsButIsNoDirectory) {
  ASSERT_EQ(::symlink("nowhere", (directory_ / "link").c_str()), 0);
  EXPECT_TRUE(path_exists(directory_ / "link"));
  EXPECT_FALSE(is_directory(directory_ / "link"));
  EXPECT_FALSE(path_exists(directory_ / "none"));
}

TEST(Paths, AreMadeAbsoluteAndPlain) {
  EXPECT_EQ(absolute_path("/a//b/./c/"), "/a/b/c");
  EXPECT_EQ(absolute_path("/"), "/");
  EXPECT_EQ(absolute_path("///"), "/");
  EXPECT_EQ(absolute_path("/./."), "/");
  EXPECT_EQ(absolute_path("/a/../b"), "/a/../b") << "what .. means depends on links";
  EXPECT_EQ(absolute_path("/a/..."), "/a/...");
  std::array<char, 4096> buffer{};
  ASSERT_NE(::getcwd(buffer.data(), buffer.size()), nullptr);
  const std::string here = buffer.data();
  EXPECT_EQ(absolute_path("x/y"), absolute_path(here + "/x/y"));
  EXPECT_EQ(absolute_path("."), absolute_path(here));
  EXPECT_EQ(absolute_path(""), absolute_path(here));
}

TEST(Paths, AreSplitIntoParentAndName) {
  EXPECT_EQ(parent_path("/a/b"), "/a");
  EXPECT_EQ(parent_path("/a"), "/");
  EXPECT_EQ(parent_path("a"), ".");
  EXPECT_EQ(base_name("/a/b"), "b");
  EXPECT_EQ(base_name("b"), "b");
}

}  // namespace
}  // namespace freshet
