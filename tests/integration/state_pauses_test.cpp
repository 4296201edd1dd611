#include "state/pauses.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace freshet::state {
namespace {

namespace fs = std::filesystem;

class PausesFile : public ::testing::Test {
 protected:
  PausesFile() {
    std::string name = (fs::temp_directory_path() / "freshet-pauses-XXXXXX").string();
    directory_ = mkdtemp(name.data());
    file_ = directory_ / "paused.json";
  }
  ~PausesFile() override { fs::remove_all(directory_); }
  std::unique_ptr<Pauses> open() { return Pauses::open(file_).value(); }

  fs::path directory_;
  fs::path file_;
  const RepositoryName docs_{"acme/docs"};
  const WallTime at_ = from_unix_millis(1'700'000'000'123);
};

TEST_F(PausesFile, nobody_is_paused_where_there_is_no_file) {
  EXPECT_FALSE(open()->since(docs_));
  EXPECT_FALSE(fs::exists(file_));
}

TEST_F(PausesFile, a_pause_is_on_disk_when_it_is_told) {
  EXPECT_EQ(open()->pause(docs_, at_), at_);
  EXPECT_EQ(open()->since(docs_), at_);
  EXPECT_FALSE(open()->since(RepositoryName("acme")));
}

TEST_F(PausesFile, pausing_again_keeps_the_time_of_the_first) {
  open()->pause(docs_, at_).value();
  EXPECT_EQ(open()->pause(docs_, at_ + std::chrono::hours(1)), at_);
}

TEST_F(PausesFile, resuming_ends_it_for_good_and_says_whether_there_was_something_to_end) {
  open()->pause(docs_, at_).value();
  EXPECT_EQ(open()->resume(docs_), true);
  EXPECT_FALSE(open()->since(docs_));
  EXPECT_EQ(open()->resume(docs_), false);
}

TEST_F(PausesFile, a_file_that_cannot_be_written_changes_nothing) {
  const auto pauses = open();
  fs::remove_all(directory_);
  EXPECT_FALSE(pauses->pause(docs_, at_));
  EXPECT_FALSE(pauses->since(docs_));
  fs::create_directories(directory_);
  pauses->pause(docs_, at_).value();
  fs::remove_all(directory_);
  EXPECT_FALSE(pauses->resume(docs_));
  EXPECT_TRUE(pauses->since(docs_));
}

TEST_F(PausesFile, a_file_that_says_something_else_is_refused_by_name) {
  for (const char* text :
       {"", "[]", "{}", "{\"paused\":[{}]}", "{\"paused\":[{\"repository\":\"a\"}]}",
        "{\"paused\":[", "{\"paused\":{}}"}) {
    std::ofstream(file_) << text;
    const auto refused = Pauses::open(file_);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().error_class, ErrorClass::config);
    EXPECT_NE(refused.error().message.find(file_.string()), std::string::npos);
  }
}

TEST_F(PausesFile, what_is_no_file_is_refused_by_name_at_once) {
  fs::create_directory(file_);
  EXPECT_NE(Pauses::open(file_).error().message.find("remove it"), std::string::npos);
  fs::remove(file_);
  ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
  const auto refused = Pauses::open(file_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error_class, ErrorClass::config);
  EXPECT_NE(refused.error().message.find("remove it"), std::string::npos);
}

TEST_F(PausesFile, a_time_out_of_this_world_is_no_harm) {
  std::ofstream(file_)
      << "{\"paused\":[{\"repository\":\"acme/docs\",\"since\":9223372036854775807}]}";
  EXPECT_GT(open()->since(docs_), at_);
}

}  // namespace
}  // namespace freshet::state
