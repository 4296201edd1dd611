#include "state/ledger.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/files.h"

namespace freshet::state {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::StartsWith;

DeliveryEntry delivery(const std::string& id, std::size_t content = 0) {
  DeliveryEntry entry;
  entry.at = wall_now();
  entry.forge = "github";
  entry.id = id;
  entry.verdict = "accepted";
  entry.secret = "/etc/freshet/secret";
  entry.authentic = true;
  entry.refreshed = {{RepositoryName("docs"), 1}};
  if (content > 0) {
    entry.content = [content] { return std::string(content, 'x'); };
  }
  return entry;
}

DeliveryEntry refusal() {
  DeliveryEntry entry;
  entry.at = wall_now();
  entry.verdict = "unauthorized";
  return entry;
}

class LedgerTest : public ::testing::Test {
 protected:
  LedgerTest() {
    std::string name = ::testing::TempDir() + "ledger.XXXXXX";
    directory_ = ::mkdtemp(name.data());
    path_ = directory_ + "/ledger.sqlite3";
  }
  ~LedgerTest() override { static_cast<void>(remove_tree(directory_)); }

  std::optional<DeliveryRow> find(const std::string& id) const {
    auto reader = LedgerReader::open(path_);
    auto row = reader ? reader->delivery(id) : Result<std::optional<DeliveryRow>>(std::nullopt);
    return row ? *row : std::nullopt;
  }
  /// Waits until a delivery stands in the file.
  bool is_written(const std::string& id) const {
    const Instant end = now() + 60s;
    while (!find(id)) {
      if (now() > end) {
        return false;
      }
      ::usleep(10'000);
    }
    return true;
  }
  std::int64_t count(const std::string& what) const {
    auto database = Database::open_for_reading(path_, 2s);
    return database ? database->integer("SELECT count(*) FROM " + what).value_or(-1) : -1;
  }

  /// Waits until more deliveries stand in the file; before there is one, there are -1.
  bool grows_beyond(std::int64_t before) const {
    const Instant end = now() + 60s;
    while (count("delivery") <= std::max<std::int64_t>(before, 0)) {
      if (now() > end) {
        return false;
      }
      ::usleep(10'000);
    }
    return true;
  }

  std::string directory_;
  std::string path_;
};

TEST_F(LedgerTest, WritesWhatIsRecorded) {
  Ledger ledger(path_);
  ledger.record(delivery("a"));
  EXPECT_TRUE(is_written("a"));
  EXPECT_EQ(ledger.rows_lost(), 0U);
}

TEST_F(LedgerTest, WritesWhatIsStillQueuedWhenItEnds) {
  {
    Ledger ledger(path_);
    for (int i = 0; i < 5000; ++i) {
      ledger.record(delivery(std::to_string(i)));
    }
  }
  EXPECT_EQ(count("delivery"), 5000);
}

TEST_F(LedgerTest, RemembersLastUsesAtOnceAndOverRestarts) {
  const DeliveryEntry entry = delivery("a");
  const WallTime at = from_unix_millis(to_unix_millis(entry.at));
  {
    Ledger ledger(path_);
    EXPECT_FALSE(ledger.last_use("/etc/freshet/secret"));
    ledger.record(entry);
    EXPECT_EQ(ledger.last_use("/etc/freshet/secret"), entry.at);
    EXPECT_EQ(ledger.last_delivery(RepositoryName("docs")), entry.at);
    ledger.record(refusal());
  }
  const Ledger ledger(path_);
  EXPECT_EQ(ledger.last_use("/etc/freshet/secret"), at);
  EXPECT_EQ(ledger.last_delivery(RepositoryName("docs")), at);
  EXPECT_FALSE(ledger.last_use("/etc/freshet/other"));
}

TEST_F(LedgerTest, AFloodOfRefusalsIsAFewRows) {
  {
    Ledger ledger(path_);
    ledger.record(delivery("honest"));
    for (int i = 0; i < 200'000; ++i) {
      ledger.record(refusal());
    }
    EXPECT_EQ(ledger.rows_lost(), 0U) << "they are not listed, which is no loss";
  }
  EXPECT_LT(count("delivery"), 100);
  EXPECT_TRUE(find("honest"));
  auto database = Database::open_for_reading(path_, 2s);
  EXPECT_EQ(*database->integer("SELECT sum(times) FROM delivery"), 200'001);
}

TEST_F(LedgerTest, ADamagedFileIsSetAsideAndANewOneBegun) {
  ASSERT_TRUE(write_new_file(path_, std::string(10'000, 'z')));
  Ledger ledger(path_);
  ledger.record(delivery("a"));
  EXPECT_TRUE(is_written("a"));
  EXPECT_THAT(*list_directory(directory_), Contains(StartsWith("ledger.sqlite3.damaged-")));
}

TEST_F(LedgerTest, DamageThatAReaderMeetsIsLookedForAndMended) {
  {
    Ledger ledger(path_);
    for (int i = 0; i < 3000; ++i) {
      ledger.record(delivery(std::to_string(i)));
    }
  }
  std::string content = *read_file(path_);
  for (std::size_t page = 4096 * 6; page + 4096 < content.size(); page += 4096 * 3) {
    content.replace(page, 100, std::string(100, '\xff'));
  }
  ASSERT_TRUE(write_file_atomically(path_, content));
  Ledger ledger(path_);
  ledger.suspect();
  ledger.record(delivery("after"));
  EXPECT_TRUE(is_written("after"));
  EXPECT_THAT(*list_directory(directory_), Contains(StartsWith("ledger.sqlite3.damaged-")));
}

TEST_F(LedgerTest, ANewerFileIsLeftAloneAndWhatIsRecordedIsCountedAsLost) {
  { const Ledger ledger(path_); }
  {
    auto database = Database::open_for_writing(path_, 1s);
    ASSERT_TRUE(database->run("PRAGMA user_version = 99"));
  }
  {
    Ledger ledger(path_);
    ledger.record(delivery("a"));
    EXPECT_EQ(ledger.rows_lost(), 1U);
  }
  EXPECT_EQ(count("delivery"), 0);
}

TEST_F(LedgerTest, AFileThatSomebodyRemovedIsMadeAnew) {
  Ledger ledger(path_);
  ledger.record(delivery("before"));
  EXPECT_TRUE(is_written("before"));
  for (const char* suffix : {"", "-wal", "-shm"}) {
    ASSERT_TRUE(remove_tree(path_ + suffix));
  }
  ledger.suspect();  // as a reader does that finds nothing to open
  ledger.record(delivery("after"));
  EXPECT_TRUE(is_written("after"));
}

TEST_F(LedgerTest, RowsWaitUntilTheFileCanBeOpened) {
  ASSERT_TRUE(make_directories(path_));
  Ledger ledger(path_);
  ledger.record(delivery("a"));
  ASSERT_TRUE(remove_tree(path_));
  EXPECT_TRUE(is_written("a"));
  EXPECT_EQ(ledger.rows_lost(), 0U);
}

TEST_F(LedgerTest, TheOldestRowsAreLostAndCountedWhenTheQueueIsFull) {
  ASSERT_TRUE(make_directories(path_));
  Ledger ledger(path_);
  for (std::size_t i = 0; i < Ledger::kQueue + 7; ++i) {
    ledger.record(delivery("id-" + std::to_string(i)));
  }
  EXPECT_EQ(ledger.rows_lost(), 7U);
  ASSERT_TRUE(remove_tree(path_));
  EXPECT_TRUE(is_written("id-" + std::to_string(Ledger::kQueue + 6)));
  EXPECT_FALSE(find("id-6"));
  EXPECT_TRUE(find("id-7"));
}

TEST_F(LedgerTest, GoesOnWhenSomebodyElseGivesTheFileFree) {
  { const Ledger ledger(path_); }
  auto other = Database::open_for_writing(path_, 1s);
  ASSERT_TRUE(other->run("BEGIN EXCLUSIVE"));
  Ledger ledger(path_);
  ledger.record(delivery("a"));
  ::usleep(1'500'000);  // longer than the writer's patience
  EXPECT_FALSE(find("a"));
  ASSERT_TRUE(other->run("COMMIT"));
  EXPECT_TRUE(is_written("a"));
}

TEST_F(LedgerTest, GoesOnWhenAFullDiskHasRoomAgain) {
  const std::string disk = directory_ + "/disk";
  ASSERT_TRUE(make_directories(disk));
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=2m") != 0) {
    GTEST_SKIP() << "only root can make a small disk";
  }
  path_ = disk + "/ledger.sqlite3";
  {
    Ledger ledger(path_);
    ledger.record(delivery("before"));
    EXPECT_TRUE(is_written("before"));
    {
      const UniqueFd filler(
          ::open((disk + "/filler").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
      const std::string block(4096, 'f');
      while (::write(filler.get(), block.data(), block.size()) > 0) {
      }
    }
    for (int i = 0; i < 100; ++i) {
      ledger.record(delivery("full" + std::to_string(i), 10'000));
    }
    ::usleep(1'000'000);  // for at least one try
    EXPECT_FALSE(find("full99"));
    ASSERT_TRUE(remove_tree(disk + "/filler"));
    EXPECT_TRUE(is_written("full99"));
    EXPECT_TRUE(find("before"));
    EXPECT_TRUE(find("full0"));
    EXPECT_EQ(ledger.rows_lost(), 0U);
  }
  ::umount(disk.c_str());
}

TEST_F(LedgerTest, AKillInTheMiddleLeavesWholeBatches) {
  // At any moment, of the beginning too, and some time after it has begun to write.
  const std::vector<std::pair<bool, int>> moments{{false, 50}, {true, 0}, {true, 150}, {true, 400}};
  for (const auto& [writes, after_ms] : moments) {
    const std::int64_t before = count("delivery");
    const pid_t child = ::fork();
    if (child == 0) {
      Ledger ledger(path_);
      for (int i = 0;; ++i) {
        ledger.record(delivery(std::to_string(i), 1000));
        if (i % 500 == 0) {
          ::usleep(1000);
        }
      }
    }
    if (writes) {
      EXPECT_TRUE(grows_beyond(before));
    }
    ::usleep(static_cast<useconds_t>(after_ms) * 1000);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    auto file = LedgerFile::open(path_, std::nullopt, wall_now());
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_TRUE(file->check());
    EXPECT_EQ(count("delivery"), count("meant")) << "each with its repository";
  }
  EXPECT_GT(count("delivery"), 0);
}

TEST_F(LedgerTest, ManyThreadsRecordAndReadAtOnce) {
  Ledger ledger(path_);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 1000; ++n) {
        ledger.record(delivery(std::to_string(i) + "-" + std::to_string(n)));
        if (n % 100 == 0) {
          auto reader = ledger.reader();
          EXPECT_TRUE(reader && reader->deliveries({.limit = 20}));
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(is_written(std::to_string(i) + "-999"));
  }
  EXPECT_EQ(count("delivery"), 4000);
}

}  // namespace
}  // namespace freshet::state
