#include "state/journal.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "base/json.h"
#include "support/git_fixture.h"

namespace freshet::state {
namespace {

using namespace std::chrono_literals;
using freshet::testing::must;
using freshet::testing::TemporaryDirectory;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const RepositoryName kDocs{"docs"};

/// About 250 bytes a line: some 1,100 of them fill a file.
Announcement announcement(const std::string& branch = "main", WallTime at = wall_now()) {
  return {RefName("refs/heads/" + branch), ObjectId::parse(std::string(40, 'a')),
          ObjectId::parse(std::string(40, 'b')), from_unix_millis(to_unix_millis(at)), 0};
}

class JournalTest : public ::testing::Test {
 protected:
  std::unique_ptr<Journal> open() { return must(Journal::open(path_)); }

  std::uint64_t append(Journal& journal, const std::string& branch = "main") {
    std::vector<Announcement> announcements{announcement(branch)};
    must(journal.append(kDocs, announcements));
    return announcements[0].journal_id;
  }

  /// The branches that a process which starts now would find open.
  std::vector<std::string> left_over() {
    std::vector<std::string> branches;
    const auto journal = open();
    for (const Journal::Entry& entry : journal->announced()) {
      branches.push_back(entry.announcement.ref.text().substr(11));
    }
    return branches;
  }

  std::vector<std::string> files() { return must(list_directory(path_)); }

  void add_to_the_file(const std::string& text) {
    const UniqueFd fd(::open((path_ + "/" + files().back()).c_str(), O_WRONLY | O_APPEND));
    must(write_all(fd.get(), text, "the journal"));
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_ / "state/journal";
};

TEST_F(JournalTest, IsEmptyAtFirst) {
  EXPECT_THAT(open()->announced(), IsEmpty());
  EXPECT_THAT(open()->announced(), IsEmpty());
  EXPECT_THAT(files(), IsEmpty()) << "nothing is open, nothing stays";
}

TEST_F(JournalTest, GivesBackWhatTheLastProcessLeftOpen) {
  std::vector<Announcement> written{announcement("main"), announcement("a/b")};
  written[1].before.reset();
  std::vector<Announcement> deleted{announcement("gone")};
  deleted[0].after.reset();
  {
    const auto journal = open();
    must(journal->append(kDocs, written));
    must(journal->append(RepositoryName("acme/\"quoted\"\n"), deleted));
  }
  const auto journal = open();
  ASSERT_THAT(journal->announced(), SizeIs(3));
  std::set<std::uint64_t> ids;
  for (const Journal::Entry& entry : journal->announced()) {
    EXPECT_NE(entry.announcement.journal_id, 0U);
    ids.insert(entry.announcement.journal_id);
  }
  EXPECT_THAT(ids, SizeIs(3));
  for (std::size_t i = 0; i < 2; ++i) {
    Announcement found = journal->announced()[i].announcement;
    found.journal_id = written[i].journal_id;
    EXPECT_EQ(found, written[i]);
    EXPECT_EQ(journal->announced()[i].repository, kDocs);
  }
  EXPECT_EQ(journal->announced()[2].repository.text(), "acme/\"quoted\"\n");
  EXPECT_EQ(journal->announced()[2].announcement.after, std::nullopt);
}

TEST_F(JournalTest, KeepsThemOpenUntilTheyAreSettledHoweverOftenTheProcessDies) {
  append(*open(), "main");
  EXPECT_THAT(left_over(), ElementsAre("main"));
  EXPECT_THAT(left_over(), ElementsAre("main"));
  EXPECT_THAT(files(), SizeIs(1));
}

TEST_F(JournalTest, GivesIdsThatNoOtherHas) {
  append(*open());
  const auto journal = open();
  std::set<std::uint64_t> ids{journal->announced()[0].announcement.journal_id};
  std::vector<Announcement> announcements{announcement(), announcement()};
  must(journal->append(kDocs, announcements));
  ids.insert(announcements[0].journal_id);
  ids.insert(announcements[1].journal_id);
  ids.insert(append(*journal));
  EXPECT_THAT(ids, SizeIs(4));
  EXPECT_EQ(ids.count(0), 0U);
}

TEST_F(JournalTest, IsWrittenOneJsonObjectALine) {
  const auto journal = open();
  append(*journal, "one");
  append(*journal, "two");
  std::vector<std::string> refs;
  const std::string text = must(read_file(path_ + "/" + files().at(0)));
  for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end + 1) {
    end = text.find('\n', begin);
    ASSERT_NE(end, std::string::npos);
    if (const auto line = Json::parse(text.substr(begin, end - begin))) {
      EXPECT_EQ((*line)["repository"].text(), "docs");
      EXPECT_EQ((*line)["before"].text(), std::string(40, 'a'));
      refs.push_back((*line)["ref"].text());
    }
  }
  EXPECT_THAT(refs, ElementsAre("refs/heads/one", "refs/heads/two"));
}

TEST_F(JournalTest, ATriggerWithoutAnnouncementsWritesNothing) {
  std::vector<Announcement> none;
  must(open()->append(kDocs, none));
  EXPECT_THAT(left_over(), IsEmpty());
}

TEST_F(JournalTest, PassesOverALineThatACrashCutShort) {
  append(*open(), "before");
  add_to_the_file(R"({"id":9,"at":17000000)");
  EXPECT_THAT(left_over(), ElementsAre("before"));
  EXPECT_THAT(left_over(), ElementsAre("before"));
}

TEST_F(JournalTest, PassesOverWhatItCannotRead) {
  append(*open(), "before");
  add_to_the_file("\n\xff\xfe garbage\n[]\n{}\n{\"at\":1,\"ref\":\"refs/heads/x\"}\n" +
                  std::string(100, '[') + "\n" +
                  R"({"at":99999999999999,"repository":"docs","ref":"../evil"})" + "\n");
  EXPECT_THAT(left_over(), ElementsAre("before"));
}

TEST_F(JournalTest, PassesOverWhatIsLongServedByTheRefreshAtEveryStart) {
  {
    const auto journal = open();
    std::vector<Announcement> announcements{announcement("old", wall_now() - 11min),
                                            announcement("young", wall_now() - 9min)};
    must(journal->append(kDocs, announcements));
  }
  EXPECT_THAT(left_over(), ElementsAre("young"));
}

TEST_F(JournalTest, LeavesOtherFilesOfTheDirectoryAlone) {
  open();
  for (const char* name :
       {"announced.", "announced.x", "announced.1x", "other", "announced.1.bak"}) {
    must(write_new_file(path_ + "/" + name, "foreign\n"));
  }
  EXPECT_THAT(left_over(), IsEmpty());
  EXPECT_THAT(files(), SizeIs(5));
}

TEST_F(JournalTest, StartsWithoutAFileThatCannotBeRead) {
  append(*open(), "before");
  must(make_directories(path_ + "/announced.70"));
  ASSERT_EQ(::mkfifo((path_ + "/announced.71").c_str(), 0600), 0);
  EXPECT_THAT(left_over(), ElementsAre("before"));
  EXPECT_THAT(files(), ElementsAre("announced.70", "announced.71", "announced.72"));
}

TEST_F(JournalTest, IsNotMisledByNumbersThatItDidNotWrite) {
  append(*open(), "before");
  for (const char* name : {"announced.007", "announced.18446744073709551615"}) {
    must(write_new_file(path_ + "/" + name, "foreign\n"));
  }
  EXPECT_THAT(left_over(), ElementsAre("before"));
  EXPECT_THAT(left_over(), ElementsAre("before"));
}

TEST_F(JournalTest, IsNotMisledByTimesThatAreNone) {
  append(*open(), "before");
  add_to_the_file(R"({"at":9223372036854775807,"repository":"docs","ref":"refs/heads/late"})"
                  "\n"
                  R"({"at":-9223372036854775808,"repository":"docs","ref":"refs/heads/early"})"
                  "\n");
  EXPECT_THAT(left_over(), ElementsAre("before", "late"));
}

TEST_F(JournalTest, TurnsToAnotherFileWhenOneIsFullAndDropsItOnceAllIsSettled) {
  const auto journal = open();
  const std::string first = files().at(0);
  std::vector<std::uint64_t> ids;
  while (files().size() == 1) {
    ids.push_back(append(*journal, std::to_string(ids.size())));
    ASSERT_LT(ids.size(), 10'000U);
  }
  EXPECT_GT(ids.size(), 500U);
  const std::uint64_t open_one = ids.back();
  ids.pop_back();
  journal->settle(ids);
  EXPECT_THAT(files(), SizeIs(2)) << "one in it is still open";
  journal->settle({open_one});
  EXPECT_THAT(files(), ElementsAre(::testing::Ne(first)));
  EXPECT_THAT(left_over(), IsEmpty());
}

TEST_F(JournalTest, DropsAFullFileAtOnceWhenAllInItIsSettledAlready) {
  const auto journal = open();
  const std::string first = files().at(0);
  for (int i = 0; files().at(0) == first; ++i) {
    ASSERT_LT(i, 10'000);
    const std::uint64_t id = append(*journal);
    journal->settle({id});
  }
  EXPECT_THAT(files(), SizeIs(1));
}

/// A repository that is paused, or fails, leaves open for days what is announced for it.
TEST_F(JournalTest, KeepsNoFullFileOfWhatIsTooOldToBeReadAgain) {
  const auto journal = open();
  const auto fill_a_file = [&](const std::string& branch, WallTime at) {
    for (const std::string last = files().back(); files().back() == last;) {
      std::vector<Announcement> announcements{announcement(branch, at)};
      must(journal->append(kDocs, announcements));
    }
  };
  fill_a_file("young", wall_now());
  const std::string young = files().at(0);
  for (int i = 0; i < 3; ++i) {
    fill_a_file("old", wall_now() - 11min);
  }
  EXPECT_THAT(files(), SizeIs(2)) << "the young one, and the one that is written to";
  EXPECT_EQ(files().at(0), young);
}

TEST_F(JournalTest, HasOneFileOpenHoweverManyThereAre) {
  const auto journal = open();
  const auto descriptors = [] { return must(list_directory("/proc/self/fd")).size(); };
  const std::size_t before = descriptors();
  while (files().size() < 4) {
    append(*journal);
  }
  EXPECT_EQ(descriptors(), before);
}

TEST_F(JournalTest, WhatIsOpenSurvivesTheTurningOfPages) {
  {
    const auto journal = open();
    append(*journal, "first");
    for (int pages = 0; pages < 3; ++pages) {
      for (const std::size_t before = files().size(); files().size() == before;) {
        append(*journal, "filling");
      }
    }
    append(*journal, "last");
  }
  const auto branches = left_over();
  EXPECT_EQ(branches.front(), "first");
  EXPECT_EQ(branches.back(), "last");
}

TEST_F(JournalTest, FilesAreReadInTheOrderOfTheirNumbers) {
  must(make_directories(path_));
  for (int number = 8; number <= 12; ++number) {
    Json line = Json::object({{"at", to_unix_millis(wall_now())},
                              {"repository", "docs"},
                              {"ref", "refs/heads/" + std::to_string(number)}});
    must(write_new_file(path_ + "/announced." + std::to_string(number), line.dump() + "\n"));
  }
  EXPECT_THAT(left_over(), ElementsAre("8", "9", "10", "11", "12"));
}

TEST_F(JournalTest, TakesAppendsFromManyThreadsAtOnce) {
  constexpr int kThreads = 8;
  constexpr int kEach = 400;
  std::set<std::uint64_t> ids;
  {
    const auto journal = open();
    std::vector<std::vector<std::uint64_t>> of_thread(kThreads);
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        for (int j = 0; j < kEach; ++j) {
          const auto id = append(*journal, std::to_string(i) + "/" + std::to_string(j));
          of_thread[i].push_back(id);
          if (j % 2 == 0) {
            journal->settle({id});
          }
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    for (const auto& some : of_thread) {
      ids.insert(some.begin(), some.end());
    }
  }
  EXPECT_THAT(ids, SizeIs(kThreads * kEach));
  std::set<std::string> found;
  for (const std::string& branch : left_over()) {
    found.insert(branch);
  }
  for (int i = 0; i < kThreads; ++i) {
    for (int j = 1; j < kEach; j += 2) {
      ASSERT_EQ(found.count(std::to_string(i) + "/" + std::to_string(j)), 1U) << i << "/" << j;
    }
  }
}

TEST_F(JournalTest, OpensInNoPlaceWhereItCannotWrite) {
  must(make_directories(directory_ / "state"));
  must(write_new_file(path_, "a file"));
  const auto result = Journal::open(path_);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().error_class, ErrorClass::config);
}

/// Files cannot grow beyond `bytes` while it lives, as on a full disk.
class FullDisk {
 public:
  explicit FullDisk(std::uint64_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  sighandler_t handler_;
};

TEST_F(JournalTest, AnAppendThatDoesNotFitIsAnErrorAndSpoilsNoOther) {
  {
    const auto journal = open();
    append(*journal, "before");
    for (const std::uint64_t more : {0U, 1U, 50U}) {
      struct stat info {};
      ASSERT_EQ(::stat((path_ + "/" + files().back()).c_str(), &info), 0);
      const FullDisk full(static_cast<std::uint64_t>(info.st_size) + more);
      std::vector<Announcement> announcements{announcement("lost")};
      EXPECT_FALSE(journal->append(kDocs, announcements)) << more;
    }
    append(*journal, "after");
  }
  EXPECT_THAT(left_over(), ElementsAre("before", "after"));
}

}  // namespace
}  // namespace freshet::state
