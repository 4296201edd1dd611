#include "base/secret_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "support/git_fixture.h"

namespace freshet {
namespace {

using testing::TemporaryDirectory;

class SecretCacheTest : public ::testing::Test {
 protected:
  void write(const std::string& content) const { std::ofstream(path_) << content; }
  std::string read() {
    const auto secret = cache_.read(path_);
    return secret ? std::string(secret->reveal()) : "error: " + secret.error().message;
  }

  const TemporaryDirectory directory_;
  const std::string path_ = directory_ / "secret";
  SecretCache cache_;
};

TEST_F(SecretCacheTest, AChangedFileCountsAtOnceHoweverOftenItChanges) {
  for (const char* content : {"aa", "bb", "cc", "aa", "dd"}) {
    write(content);
    EXPECT_EQ(read(), content);
    EXPECT_EQ(read(), content);
  }
}

TEST_F(SecretCacheTest, AFileThatTookTheOthersNameCountsAtOnce) {
  write("old");
  EXPECT_EQ(read(), "old");
  std::ofstream(path_ + ".new") << "new";
  ASSERT_EQ(::rename((path_ + ".new").c_str(), path_.c_str()), 0);
  EXPECT_EQ(read(), "new");
}

TEST_F(SecretCacheTest, WhatIsKnownStaysSecretOnlyWhileTheFileIsThere) {
  // Of a file that nobody changed lately the content is kept.
  const std::string settled = "/etc/hostname";
  struct stat info {};
  if (::stat(settled.c_str(), &info) != 0 || info.st_size == 0) {
    GTEST_SKIP() << settled << " is not there";
  }
  const auto first = cache_.read(settled);
  const auto second = cache_.read(settled);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->reveal(), second->reveal());

  write("here");
  EXPECT_EQ(read(), "here");
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  EXPECT_NE(read().find("error: "), std::string::npos);
  write("again");
  EXPECT_EQ(read(), "again");
}

TEST_F(SecretCacheTest, APipeIsRefusedInsteadOfWaitedFor) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_NE(read().find("no regular file"), std::string::npos);
}

}  // namespace
}  // namespace freshet
