#include "base/secret.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <type_traits>

#include "base/files.h"
#include "support/git_fixture.h"

namespace freshet {
namespace {

using freshet::testing::TemporaryDirectory;
using ::testing::HasSubstr;
using ::testing::Not;

static_assert(!std::is_convertible_v<Secret, std::string>);
static_assert(!std::is_convertible_v<Secret, std::string_view>);

class SecretsTest : public ::testing::Test {
 protected:
  Result<Secret> read(std::string_view content) {
    EXPECT_TRUE(write_file_atomically(file_, content, 0600));
    return read_secret(file_);
  }

  TemporaryDirectory directory_;
  std::string file_ = directory_ / "secret";
};

TEST_F(SecretsTest, AreTheContentOfTheFileWithoutOneLineEnd) {
  using namespace std::string_view_literals;
  const std::pair<std::string_view, std::string_view> table[] = {
      {"s3cret", "s3cret"},       {"s3cret\n", "s3cret"},     {"s3cret\r\n", "s3cret"},
      {"s3cret\n\n", "s3cret\n"}, {" s3 cret ", " s3 cret "}, {"a\0b\n"sv, "a\0b"sv},
      {"s3cret\r", "s3cret\r"},
  };
  for (const auto& [content, secret] : table) {
    const auto result = read(content);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->reveal(), secret);
  }
}

TEST_F(SecretsTest, ThatAreEmptyAreRefused) {
  for (const char* content : {"", "\n", "\r\n"}) {
    const auto result = read(content);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().error_class, ErrorClass::config);
    EXPECT_THAT(result.error().message, HasSubstr(file_));
  }
}

TEST_F(SecretsTest, OfMoreThan64KibibytesAreRefused) {
  EXPECT_TRUE(read(std::string(64 * 1024, 'x')));
  EXPECT_FALSE(read(std::string(64 * 1024 + 1, 'x')));
}

TEST_F(SecretsTest, AreReadAnewEachTime) {
  EXPECT_EQ(read("old")->reveal(), "old");
  EXPECT_EQ(read("new")->reveal(), "new");
}

TEST_F(SecretsTest, ThatCannotBeReadAreErrorsThatNameTheFile) {
  for (const std::string& path : {directory_ / "none", directory_.path()}) {
    const auto result = read_secret(path);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().error_class, ErrorClass::config);
    EXPECT_THAT(result.error().message, HasSubstr(path));
  }
}

TEST_F(SecretsTest, ComeFromTheServiceManagersCredentials) {
  ASSERT_TRUE(write_new_file(directory_ / "webhook", "from the manager\n", 0600));
  ASSERT_EQ(::setenv("CREDENTIALS_DIRECTORY", directory_.path().c_str(), 1), 0);
  const auto found = read_secret("credential:webhook");
  const auto missing = read_secret("credential:other");
  const auto nameless = read_secret("credential:");
  ASSERT_EQ(::unsetenv("CREDENTIALS_DIRECTORY"), 0);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->reveal(), "from the manager");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().error_class, ErrorClass::config);
  EXPECT_FALSE(nameless);
}

TEST_F(SecretsTest, OfAServiceManagerThatPassedNoneAreExplained) {
  ASSERT_EQ(::unsetenv("CREDENTIALS_DIRECTORY"), 0);
  const auto result = read_secret("credential:webhook");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error_class, ErrorClass::config);
  EXPECT_THAT(result.error().message, HasSubstr("LoadCredential"));
}

TEST(Secret, IsEmptyOnceItWasMovedAway) {
  Secret first(std::string("s3cret"));
  Secret second(std::move(first));
  EXPECT_EQ(second.reveal(), "s3cret");
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
  Secret third;
  third = std::move(second);
  EXPECT_EQ(third.reveal(), "s3cret");
  EXPECT_TRUE(second.empty());  // NOLINT(bugprone-use-after-move)
  const Secret copy(third);
  EXPECT_EQ(copy.reveal(), third.reveal());
}

}  // namespace
}  // namespace freshet
