#include "state/ledger_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/files.h"
#include "state/ledger_reader.h"

namespace freshet::state {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const WallTime kNoon = from_unix_millis(1'700'000'000'000);
constexpr std::size_t kContent = 1000;

DeliveryEntry delivery(const std::string& id, Ticket ticket, WallTime at = kNoon,
                       const std::string& repository = "docs") {
  DeliveryEntry entry;
  entry.at = at;
  entry.forge = "github";
  entry.event = "push";
  entry.id = id;
  entry.verdict = "accepted";
  entry.secret = "/etc/freshet/secret";
  entry.authentic = true;
  entry.repositories = {RepositoryName(repository)};
  entry.refreshed = {{RepositoryName(repository), ticket}};
  return entry;
}

DeliveryEntry refusal(WallTime at = kNoon) {
  DeliveryEntry entry;
  entry.at = at;
  entry.forge = "github";
  entry.verdict = "unauthorized";
  return entry;
}

RefreshEntry refresh(Ticket ticket, const std::string& result, WallTime ended = kNoon + 2s,
                     const std::string& repository = "docs") {
  RefreshEntry entry;
  entry.repository = RepositoryName(repository);
  entry.ticket = ticket;
  entry.cause = "delivery";
  entry.result = result;
  entry.started = ended - 1s;
  entry.ended = ended;
  if (result == "failed") {
    entry.error = Error{ErrorClass::network, "no route to host", std::nullopt};
  } else if (result == "updated") {
    entry.published_at = ended;
  }
  return entry;
}

class LedgerFileTest : public ::testing::Test {
 protected:
  LedgerFileTest() {
    std::string name = ::testing::TempDir() + "ledger.XXXXXX";
    directory_ = ::mkdtemp(name.data());
    path_ = directory_ + "/ledger.sqlite3";
  }
  ~LedgerFileTest() override { static_cast<void>(remove_tree(directory_)); }

  LedgerFile open(std::optional<std::int64_t> run = std::nullopt) {
    auto file = LedgerFile::open(path_, run, kNoon);
    EXPECT_TRUE(file) << file.error().message;
    return std::move(*file);
  }
  static void write(LedgerFile& file, const std::vector<LedgerEntry>& batch) {
    const auto written = file.write(batch, kContent);
    EXPECT_TRUE(written) << written.error().message;
  }
  std::vector<DeliveryRow> read(const DeliveryQuery& query = {}) {
    auto reader = LedgerReader::open(path_);
    EXPECT_TRUE(reader) << reader.error().message;
    auto rows = reader->deliveries(query);
    EXPECT_TRUE(rows) << rows.error().message;
    return *rows;
  }
  std::optional<DeliveryRow> find(const std::string& id) {
    auto reader = LedgerReader::open(path_);
    auto row = reader->delivery(id);
    EXPECT_TRUE(row) << row.error().message;
    return *row;
  }
  std::string result_of(const std::string& id) {
    const auto row = find(id);
    return row && row->refreshes.size() == 1 ? row->refreshes[0].result : "not one refresh";
  }
  std::vector<std::string> ids(const DeliveryQuery& query = {}) {
    std::vector<std::string> found;
    for (const DeliveryRow& row : read(query)) {
      found.push_back(row.id);
    }
    return found;
  }
  std::int64_t count(const std::string& table) {
    auto database = Database::open_for_reading(path_, 2s);
    return *database->integer("SELECT count(*) FROM " + table);
  }
  void execute(const std::string& sql) {
    auto database = Database::open_for_writing(path_, 1s);
    const auto done = database->run(sql);
    EXPECT_TRUE(done) << done.error().message;
  }
  /// Until nothing is left to remove.
  static void prune(LedgerFile& file, const LedgerLimits& limits, WallTime now) {
    for (;;) {
      const auto more = file.prune(limits, now);
      ASSERT_TRUE(more) << more.error().message;
      if (!*more) {
        return;
      }
    }
  }

  std::string directory_;
  std::string path_;
};

TEST_F(LedgerFileTest, GivesBackWhatWasWritten) {
  LedgerFile file = open();
  DeliveryEntry entry = delivery("a-1", 5);
  entry.route = "docs";
  entry.reason = "because";
  entry.client = "192.0.2.7";
  entry.content = [] { return std::string("{\"kind\":\"ping\"}"); };
  write(file, {entry});
  const auto row = find("a-1");
  ASSERT_TRUE(row);
  EXPECT_EQ(row->at, kNoon);
  EXPECT_EQ(row->forge + row->event + row->route, "githubpushdocs");
  EXPECT_EQ(row->verdict + row->reason, "acceptedbecause");
  EXPECT_EQ(row->secret + row->client, "/etc/freshet/secret192.0.2.7");
  EXPECT_THAT(row->repositories, ElementsAre("docs"));
  EXPECT_TRUE(row->authentic);
  EXPECT_TRUE(row->has_content);
  EXPECT_EQ(*LedgerReader::open(path_)->content(row->number), "{\"kind\":\"ping\"}");
}

TEST_F(LedgerFileTest, FindsADeliveryByIdNumberAndTheBeginningOfItsId) {
  LedgerFile file = open();
  write(file, {delivery("72d3162e-cc78", 1), delivery("", 2), delivery("72d3162e-cc78", 3)});
  EXPECT_EQ(find("72d3162e-cc78")->number, 3) << "the latest";
  EXPECT_EQ(find("72d3162e")->number, 3);
  EXPECT_EQ(find("2")->number, 2);
  EXPECT_FALSE(find("72d31"));
  EXPECT_FALSE(find("72d3162f"));
  EXPECT_FALSE(find(""));
  EXPECT_FALSE(find("4"));
}

TEST_F(LedgerFileTest, ListsTheNewestFirstByWhatIsAskedFor) {
  LedgerFile file = open();
  DeliveryEntry other = delivery("c", 3, kNoon, "site");
  other.forge = "gitea";
  other.verdict = "ignored";
  write(file, {delivery("a", 1), delivery("b", 2), other, delivery("d", 4)});
  EXPECT_THAT(ids(), ElementsAre("d", "c", "b", "a"));
  EXPECT_THAT(ids({.limit = 2}), ElementsAre("d", "c"));
  EXPECT_THAT(ids({.before = 3}), ElementsAre("b", "a"));
  EXPECT_THAT(ids({.limit = 2, .after = 1}), ElementsAre("c", "b"));
  EXPECT_THAT(ids({.repository = "site"}), ElementsAre("c"));
  EXPECT_THAT(ids({.forge = "gitea"}), ElementsAre("c"));
  EXPECT_THAT(ids({.verdict = "ignored"}), ElementsAre("c"));
  EXPECT_THAT(ids({.repository = "site", .verdict = "accepted"}), IsEmpty());
}

TEST_F(LedgerFileTest, ADeliveryWaitsUntilARefreshCoversItsTicket) {
  LedgerFile file = open();
  write(file, {delivery("a", 5), refresh(4, "updated")});
  EXPECT_EQ(result_of("a"), "waiting");
  write(file, {refresh(6, "unchanged")});
  EXPECT_EQ(result_of("a"), "unchanged");
  write(file, {refresh(7, "updated")});
  EXPECT_EQ(result_of("a"), "unchanged") << "the first one is what became of it";
}

TEST_F(LedgerFileTest, ADeliverySaysHowLongItTookToBePublished) {
  LedgerFile file = open();
  write(file, {delivery("a", 5, kNoon), refresh(5, "updated", kNoon + 250ms)});
  const auto row = find("a");
  ASSERT_THAT(row->refreshes, SizeIs(1));
  EXPECT_DOUBLE_EQ(*row->refreshes[0].announce_to_publish, 0.25);
  EXPECT_EQ(row->refreshes[0].ended, kNoon + 250ms);
}

TEST_F(LedgerFileTest, ARefreshThatFoundTheUpstreamBehindLeavesTheDeliveryWaiting) {
  LedgerFile file = open();
  RefreshEntry lagging = refresh(5, "unchanged");
  lagging.lagging = true;
  write(file, {delivery("a", 5), lagging});
  EXPECT_EQ(result_of("a"), "waiting");
  lagging.ended = kNoon + 20h;
  write(file, {lagging});
  EXPECT_EQ(result_of("a"), "waiting") << "somebody still asks";
  write(file, {refresh(6, "unchanged", kNoon + 24h)});
  EXPECT_EQ(result_of("a"), "unchanged") << "it was never served, and nobody waits any more";
}

TEST_F(LedgerFileTest, AFailureCountsUntilALaterRefreshSucceeds) {
  LedgerFile file = open();
  write(file, {delivery("a", 5), refresh(5, "failed")});
  EXPECT_EQ(result_of("a"), "failed");
  EXPECT_EQ(find("a")->refreshes[0].error, "no route to host");
  EXPECT_EQ(find("a")->refreshes[0].error_class, "network");
  write(file, {refresh(6, "updated")});
  EXPECT_EQ(result_of("a"), "updated");
}

TEST_F(LedgerFileTest, TheSameFailureAgainAndAgainIsOneRow) {
  LedgerFile file = open();
  write(file, {refresh(1, "failed"), refresh(2, "failed")});
  write(file, {delivery("a", 3), refresh(3, "failed", kNoon + 1h)});
  EXPECT_EQ(count("refresh"), 1);
  EXPECT_EQ(result_of("a"), "failed");
  EXPECT_EQ(find("a")->refreshes[0].ended, kNoon + 1h);
  write(file, {refresh(4, "updated"), refresh(5, "failed")});
  EXPECT_EQ(count("refresh"), 3);
}

TEST_F(LedgerFileTest, TicketsOfAnEarlierProcessAreCoveredByAnyRefreshOfALaterOne) {
  {
    LedgerFile file = open();
    write(file, {refresh(1, "updated"), delivery("a", 900)});
  }
  EXPECT_EQ(result_of("a"), "waiting");
  LedgerFile file = open();
  write(file, {refresh(2, "updated")});
  EXPECT_EQ(result_of("a"), "updated");
}

TEST_F(LedgerFileTest, OpeningAgainInTheSameProcessGoesOnWithItsRun) {
  const std::int64_t run = open().run();
  LedgerFile file = open(run);
  EXPECT_EQ(file.run(), run);
  write(file, {delivery("a", 900), refresh(2, "updated")});
  EXPECT_EQ(result_of("a"), "waiting");
}

TEST_F(LedgerFileTest, RemembersWhenSecretsWereUsedAndRepositoriesDeliveredTo) {
  LedgerFile file = open();
  write(file, {delivery("a", 1, kNoon), delivery("b", 2, kNoon + 1min), refusal(kNoon + 2min)});
  LedgerLimits limits;
  prune(file, limits, kNoon + 400 * 24h);
  EXPECT_EQ(count("delivery"), 0);
  const auto times = open().last_times();
  ASSERT_TRUE(times);
  EXPECT_THAT(*times, ElementsAre(testing::Pair(testing::Pair("repository", "docs"), kNoon + 1min),
                                  testing::Pair(testing::Pair("secret", "/etc/freshet/secret"),
                                                kNoon + 1min)));
}

TEST_F(LedgerFileTest, KeepsSevenDays) {
  LedgerFile file = open();
  write(file, {delivery("old", 1, kNoon), delivery("new", 2, kNoon + 24h)});
  write(file, {refresh(1, "updated", kNoon), refresh(2, "updated", kNoon + 24h)});
  prune(file, {}, kNoon + 7 * 24h + 1s);
  EXPECT_THAT(ids(), ElementsAre("new"));
  EXPECT_EQ(count("refresh"), 1);
  EXPECT_EQ(count("meant"), 1);
}

TEST_F(LedgerFileTest, KeepsSoManyRowsAndTheNewestOfThem) {
  LedgerFile file = open();
  std::vector<LedgerEntry> batch;
  for (Ticket i = 0; i < 100; ++i) {
    batch.emplace_back(delivery(std::to_string(i), i));
    batch.emplace_back(refresh(i, "updated"));
  }
  write(file, batch);
  LedgerLimits limits;
  limits.deliveries = 3;
  limits.refreshes = 5;
  prune(file, limits, kNoon);
  EXPECT_THAT(ids(), ElementsAre("99", "98", "97"));
  EXPECT_EQ(count("refresh"), 5);
}

TEST_F(LedgerFileTest, RefusedDeliveriesNeverPushAnAuthenticOneOut) {
  LedgerFile file = open();
  write(file, {delivery("honest", 1)});
  write(file, std::vector<LedgerEntry>(500, refusal()));
  LedgerLimits limits;
  limits.deliveries = 10;
  limits.refusals = 20;
  prune(file, limits, kNoon);
  EXPECT_EQ(count("delivery"), 21);
  EXPECT_TRUE(find("honest"));
}

TEST_F(LedgerFileTest, KeepsSoManyBytesAndGivesTheRoomBack) {
  LedgerFile file = open();
  std::vector<LedgerEntry> batch;
  for (Ticket i = 0; i < 20'000; ++i) {
    batch.emplace_back(delivery(std::string(100, 'x') + std::to_string(i), i));
  }
  write(file, batch);
  LedgerLimits limits;
  limits.bytes = 2 << 20;
  prune(file, limits, kNoon);
  prune(file, {}, kNoon);
  auto database = Database::open_for_reading(path_, 2s);
  EXPECT_LE(*database->integer("PRAGMA page_count") * *database->integer("PRAGMA page_size"),
            limits.bytes);
  EXPECT_GT(count("delivery"), 0);
  EXPECT_EQ(read({.limit = 1})[0].number, 20'000);
}

TEST_F(LedgerFileTest, RefusedDeliveriesThatFillTheRoomGoBeforeAuthenticOnesAndRefreshes) {
  LedgerFile file = open();
  DeliveryEntry large = refusal();
  large.route = std::string(30'000, 'x');
  write(file, {delivery("honest", 1), refresh(1, "updated")});
  write(file, std::vector<LedgerEntry>(200, large));
  write(file, {delivery("later", 2)});
  LedgerLimits limits;
  limits.bytes = 2 << 20;
  prune(file, limits, kNoon);
  EXPECT_EQ(count("refresh"), 1);
  EXPECT_THAT(ids(), ElementsAre("later", "honest"));
}

TEST_F(LedgerFileTest, ForRoomTheOldestDeliveriesGoAndRefreshesStayUnlessTheyFillItThemselves) {
  LedgerFile file = open();
  std::vector<LedgerEntry> batch{refresh(1, "updated")};
  for (Ticket i = 0; i < 2000; ++i) {
    DeliveryEntry entry = delivery(std::to_string(i), 1);
    entry.reason = std::string(4000, 'x');
    batch.emplace_back(entry);
  }
  write(file, batch);
  LedgerLimits limits;
  limits.bytes = 4 << 20;
  prune(file, limits, kNoon);
  EXPECT_EQ(count("refresh"), 1);
  EXPECT_EQ(read({.limit = 1})[0].id, "1999");
  EXPECT_GT(count("delivery"), 0);

  const std::int64_t deliveries = count("delivery");
  batch.clear();
  for (Ticket i = 0; i < 2000; ++i) {
    RefreshEntry entry = refresh(i, "failed");
    entry.error->message = std::string(4000, 'e') + std::to_string(i);
    batch.emplace_back(entry);
  }
  write(file, batch);
  prune(file, limits, kNoon);
  EXPECT_LT(count("refresh"), 2000);
  EXPECT_GT(count("refresh"), 0);
  EXPECT_GE(count("delivery") + 500, deliveries) << "refreshes went first";
}

TEST_F(LedgerFileTest, ContentThatIsTooLargeIsNotKeptButItsDeliveryIs) {
  LedgerFile file = open();
  DeliveryEntry entry = delivery("a", 1);
  entry.content = [] { return std::string(kContent + 1, 'x'); };
  write(file, {entry});
  EXPECT_FALSE(find("a")->has_content);
}

TEST_F(LedgerFileTest, AReaderSeesWholeBatchesWhileTheWriterWrites) {
  LedgerFile file = open();
  write(file, {delivery("a", 1)});
  auto reader = LedgerReader::open(path_);
  ASSERT_TRUE(reader);
  for (int i = 0; i < 50; ++i) {
    write(file, {delivery("b", 2), delivery("c", 3)});
    EXPECT_EQ(reader->deliveries({.limit = 1000})->size() % 2, 1);
  }
}

TEST_F(LedgerFileTest, AnAuthenticDeliveryIsFoundBehindLaterForgeriesOfItsId) {
  LedgerFile file = open();
  DeliveryEntry forged = refusal();
  forged.id = "72d3162e-cc78";
  DeliveryEntry longer = refusal();
  longer.id = "72d3162e-cc78-more";
  write(file, {delivery("72d3162e-cc78", 1), forged, longer});
  EXPECT_EQ(find("72d3162e-cc78")->number, 1);
  EXPECT_EQ(find("72d3162e")->number, 1);
  EXPECT_EQ(find("72d3162e-cc78-more")->number, 3);
}

TEST_F(LedgerFileTest, ABeginningThatSeveralIdsHaveFindsNone) {
  LedgerFile file = open();
  DeliveryEntry forged = refusal();
  forged.id = "72d3162e-ff";
  write(file, {delivery("72d3162e-cc", 1), forged});
  auto reader = LedgerReader::open(path_);
  EXPECT_FALSE(*reader->several_begin_with("72d3162e")) << "only one is authentic";
  EXPECT_EQ(find("72d3162e")->id, "72d3162e-cc");
  write(file, {delivery("72d3162e-dd", 2)});
  EXPECT_TRUE(*reader->several_begin_with("72d3162e"));
  EXPECT_FALSE(find("72d3162e"));
  EXPECT_EQ(find("72d3162e-d")->id, "72d3162e-dd");
  EXPECT_FALSE(*reader->several_begin_with("72d3162")) << "too short to be asked for";
}

TEST_F(LedgerFileTest, AnIdThatWasCutWhenItCameIsFoundByTheWholeOfIt) {
  LedgerFile file = open();
  write(file, {delivery(std::string(128, 'x'), 1)});
  EXPECT_TRUE(find(std::string(150, 'x')));
}

TEST_F(LedgerFileTest, ANumberIsTheLedgersBeforeItIsAnId) {
  LedgerFile file = open();
  DeliveryEntry forged = refusal();
  forged.id = "1";
  DeliveryEntry with_number = delivery("77", 2);
  write(file, {delivery("a", 1), forged, with_number});
  EXPECT_EQ(find("1")->id, "a");
  EXPECT_EQ(find("77")->number, 3) << "there is no number 77";
}

TEST_F(LedgerFileTest, AFileOfANewerVersionIsLeftAlone) {
  { const LedgerFile file = open(); }
  execute("PRAGMA user_version = 99");
  const auto opened = LedgerFile::open(path_, std::nullopt, kNoon);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().error_class, ErrorClass::protocol);
  EXPECT_EQ(*Database::open_for_reading(path_, 1s)->integer("PRAGMA user_version"), 99);
}

TEST_F(LedgerFileTest, AFileThatIsNoDatabaseIsCorruptAndCanBeSetAside) {
  ASSERT_TRUE(write_new_file(path_, std::string(10'000, 'z')));
  const auto opened = LedgerFile::open(path_, std::nullopt, kNoon);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().error_class, ErrorClass::corrupt);
  ASSERT_TRUE(write_new_file(path_ + ".damaged-earlier", ""));
  const auto aside = set_aside(path_, kNoon);
  ASSERT_TRUE(aside) << aside.error().message;
  EXPECT_THAT(*list_directory(directory_), ElementsAre(base_name(*aside)));
  open();
}

TEST_F(LedgerFileTest, ADirectoryInItsPlaceIsAnErrorThatAPersonCanMend) {
  ASSERT_TRUE(make_directories(path_));
  const auto opened = LedgerFile::open(path_, std::nullopt, kNoon);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().error_class, ErrorClass::config);
}

TEST_F(LedgerFileTest, AFifoInItsPlaceKeepsNobodyWaiting) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  ::alarm(60);  // waiting would be for ever
  const auto opened = LedgerFile::open(path_, std::nullopt, kNoon);
  const auto reader = LedgerReader::open(path_);
  ::alarm(0);
  ASSERT_FALSE(opened);
  ASSERT_FALSE(reader);
  EXPECT_EQ(opened.error().error_class, ErrorClass::config);
  EXPECT_EQ(reader.error().error_class, ErrorClass::config);
}

TEST_F(LedgerFileTest, ItsFilesAreForTheirOwnerAloneAndThoseOfAnEarlierVersionBecomeSo) {
  const auto modes = [this] {
    std::vector<unsigned> found;
    for (const char* suffix : {"", "-wal", "-shm"}) {
      struct stat status {};
      EXPECT_EQ(::stat((path_ + suffix).c_str(), &status), 0) << suffix;
      found.push_back(status.st_mode & 0777U);
    }
    return found;
  };
  const mode_t before = ::umask(022);
  LedgerFile file = open();
  write(file, {delivery("a", 1)});
  EXPECT_THAT(modes(), ElementsAre(0600, 0600, 0600));
  for (const char* suffix : {"", "-wal", "-shm"}) {
    ASSERT_EQ(::chmod((path_ + suffix).c_str(), 0644), 0);
  }
  const LedgerFile again = open();
  EXPECT_THAT(modes(), ElementsAre(0600, 0600, 0600));
  ::umask(before);
}

TEST_F(LedgerFileTest, ACheckFindsDamageInTheMiddle) {
  {
    LedgerFile file = open();
    write(file, std::vector<LedgerEntry>(2000, delivery("a", 1)));
    EXPECT_TRUE(file.check());
  }
  auto content = *read_file(path_);
  for (std::size_t page = 4096 * 5; page + 4096 < content.size(); page += 4096 * 3) {
    content.replace(page, 100, std::string(100, '\xff'));
  }
  ASSERT_TRUE(write_file_atomically(path_, content));
  auto file = LedgerFile::open(path_, std::nullopt, kNoon);
  const auto checked = file ? file->check() : Result<void>(fail(file.error()));
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().error_class, ErrorClass::corrupt);
}

}  // namespace
}  // namespace freshet::state
