#include <fcntl.h>

#include <array>
#include <thread>

#include "remote/http_fetch.h"
#include "support/http_upstream_fixture.h"
#include "support/source_directory.h"

namespace freshet::remote {
namespace {

using namespace freshet::testing;
using namespace std::chrono_literals;

TEST_F(ProtocolUpstreamTest, SaysWhenTheUpstreamHasNoSuchCommit) {
  origin_.commit({{"a", "1"}});
  expect_failure(fetch(want({ObjectId::parse(std::string(40, 'a')).value()})), "not_found",
                 "not our ref");
}

TEST_F(ProtocolUpstreamTest, RefusesAPackThatIsCutOff) {
  const ObjectId tip = origin_.commit({{"a", std::string(50'000, 'x')}, {"b", "2"}});
  for (const bool in_http : {false, true}) {
    for (const std::size_t missing : {std::size_t{1}, std::size_t{4}, std::size_t{30}}) {
      change_fetches([&](UploadPackAnswer& answer) {
        answer.body.resize(answer.body.size() - missing);
        answer.is_cut = in_http;
      });
      expect_failure(fetch(want({tip})), in_http ? "network" : "protocol", "");
      EXPECT_FALSE(mirror_has(tip)) << missing;
    }
  }
}

TEST_F(ProtocolUpstreamTest, RefusesAnEmptyAnswerToAFetch) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  change_fetches([](UploadPackAnswer& answer) { answer.body.clear(); });
  expect_failure(fetch(want({tip})), "protocol", "cut off");
}

TEST_F(ProtocolUpstreamTest, SaysWhatTheUpstreamSaysInTheMiddleOfAPack) {
  const ObjectId tip = origin_.commit({{"a", std::string(5'000, 'x')}});
  change_fetches([](UploadPackAnswer& answer) {
    answer.body.resize(answer.body.size() - 4);
    append_packet(answer.body, "\3the disk is on fire\n");
  });
  expect_failure(fetch(want({tip})), "protocol", "the disk is on fire");
  EXPECT_FALSE(mirror_has(tip));
}

/// `code` makes `pack` out of `pack` with the tools of tests/support/py/forged_packs.py.
std::string forge(const std::string& pack, const std::string& code) {
  const std::string script = "import sys\nsys.path.insert(0, '" FRESHET_SOURCE_DIR
                             "/tests/support/py')\nfrom forged_packs import *\n"
                             "pack = sys.stdin.buffer.read()\n" +
                             code + "\nsys.stdout.buffer.write(pack)\n";
  const ChildResult result = freshet::testing::run({"/usr/bin/python3", "-B", "-c", script}, pack);
  EXPECT_TRUE(result.succeeded()) << result.error_text;
  return result.output;
}

TEST_F(ProtocolUpstreamTest, RefusesADamagedObject) {
  const ObjectId tip = origin_.commit({{"a", std::string(5'000, 'x')}, {"b", "2"}});
  for (const char* code :
       {"pack = flip_byte(pack, True)", "pack = flip_byte(pack, False)",
        "pack = with_checksum(b'PACX' + pack[4:-20])", "pack = pack[:-20] + bytes(20)"}) {
    change_fetches([&](UploadPackAnswer& answer) {
      change_pack(answer, [&](const std::string& pack) { return forge(pack, code); });
    });
    expect_failure(fetch(want({tip})), "corrupt", "");
    EXPECT_FALSE(mirror_has(tip)) << code;
  }
}

TEST_F(ProtocolUpstreamTest, RefusesAPackThatLacksAnObject) {
  const ObjectId tip = origin_.commit({{"a", "1"}, {"b", "2"}});
  std::string kept;
  for (const char* revision : {"HEAD", "HEAD^{tree}", "HEAD:a"}) {
    kept += origin_.id(revision).hex() + "\n";
  }
  const std::string incomplete =
      freshet::testing::run({"git", "-C", origin_.path(), "pack-objects", "--stdout", "-q"}, kept)
          .output;
  change_fetches([&](UploadPackAnswer& answer) {
    change_pack(answer, [&](const std::string&) { return std::string(incomplete); });
  });
  expect_failure(fetch(want({tip})), "corrupt", "");
  EXPECT_FALSE(mirror_has(tip));
}

TEST_F(ProtocolUpstreamTest, RefusesAPackWithoutWhatWasWanted) {
  const ObjectId old = origin_.commit({{"a", "1"}});
  fill_mirror(old);
  const ObjectId tip = origin_.commit({{"a", "2"}});
  const ObjectId other = origin_.id("HEAD:a");
  const std::string useless =
      freshet::testing::run({"git", "-C", origin_.path(), "pack-objects", "--stdout", "-q"},
                            other.hex() + "\n")
          .output;
  change_fetches([&](UploadPackAnswer& answer) {
    change_pack(answer, [&](const std::string&) { return std::string(useless); });
  });
  expect_failure(fetch(want({tip})), "corrupt", "not complete");
}

TEST_F(ProtocolUpstreamTest, NoticesAHoleInWhatTheMirrorHadBefore) {
  const ObjectId old = origin_.commit({{"a", "1"}});
  const ObjectId middle = origin_.commit({{"a", "2"}});
  const ObjectId tip = origin_.commit({{"a", "3"}});
  // The commit before the tip, without its own parent's objects.
  const std::string hollow =
      freshet::testing::run({"git", "-C", origin_.path(), "pack-objects", "--stdout", "-q"},
                            middle.hex() + "\n" + origin_.id("HEAD^^{tree}").hex() + "\n" +
                                origin_.id("HEAD^:a").hex() + "\n")
          .output;
  ASSERT_TRUE(
      freshet::testing::run({"git", "--git-dir=" + mirror_, "index-pack", "--stdin"}, hollow)
          .succeeded());
  FetchRequest request = want({tip});
  request.haves = {middle};
  expect_failure(fetch(request), "corrupt", "");
  EXPECT_FALSE(mirror_has(old));
}

TEST_F(ProtocolUpstreamTest, BoundsTheMemoryOfADeltaBomb) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  change_fetches([&](UploadPackAnswer& answer) {
    change_pack(answer, [&](const std::string& pack) {
      return forge(pack, "pack = with_delta_bomb(pack, 3 << 30)");
    });
  });
  FetchRequest request = want({tip});
  request.memory_limit = std::uint64_t{512} << 20U;
  expect_failure(fetch(request), "corrupt", "512 MiB of memory");
  EXPECT_FALSE(mirror_has(tip));
}

TEST_F(ProtocolUpstreamTest, StopsAPackThatIsTooLarge) {
  const ObjectId tip = origin_.commit({{"a", std::string(100, 'x')}});
  FetchRequest request = want({tip});
  request.largest_pack = 100;
  expect_failure(fetch(request), "config", "limits.fetch_size");
  EXPECT_FALSE(mirror_has(tip));
}

TEST_F(ProtocolUpstreamTest, StopsBeforeTheDiskIsFull) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  FetchRequest request = want({tip});
  request.min_free_disk = std::uint64_t{1} << 60U;
  expect_failure(fetch(request), "no_space", "min_free_disk");
}

TEST_F(ProtocolUpstreamTest, GivesUpOnAServerThatFallsSilent) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  ASSERT_TRUE(list({{"refs/heads/*"}}));
  const SilentServer silent;
  memory_->learn({silent.url(), memory_->server()->capabilities});
  FetchRequest request = want({tip});
  request.limits = {60s, 100ms};
  const Instant start = now();
  expect_failure(fetch(request), "timeout", "");
  request.limits = {100ms, 60s};
  expect_failure(fetch(request), "timeout", "");
  EXPECT_LT(now() - start, 20s);
}

TEST_F(ProtocolUpstreamTest, StopsAtOnceWhenItIsCancelled) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  ASSERT_TRUE(list({{"refs/heads/*"}}));
  const SilentServer silent;
  memory_->learn({silent.url(), memory_->server()->capabilities});
  const CancelToken cancel;
  std::thread person([&] { cancel.cancel(); });
  const auto report = upstream().fetch(want({tip}), cancel);
  person.join();
  expect_failure(report, "conflict", "cancelled");
}

TEST_F(ProtocolUpstreamTest, WorksAgainAfterAFailure) {
  const ObjectId tip = origin_.commit({{"a", "1"}});
  change_fetches([](UploadPackAnswer& answer) { answer.body.resize(answer.body.size() / 2); });
  ASSERT_FALSE(fetch(want({tip})));
  server_.change({});
  const auto report = fetch(want({tip}));
  EXPECT_TRUE(report) << message_of(report);
}

/// An exchange whose pipe nobody reads but the test.
struct Piped {
  Piped() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    reader.reset(ends[0]);
    exchange = FetchExchange::create({UniqueFd(ends[1]), 0, {}});
  }
  /// What is in the pipe now.
  std::string read() const {
    std::string bytes;
    std::array<char, 65536> buffer{};
    for (ssize_t count = 0; (count = ::read(reader.get(), buffer.data(), buffer.size())) > 0;) {
      bytes.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return bytes;
  }
  UniqueFd reader;
  std::shared_ptr<FetchExchange> exchange;
};

std::string band_of_pack(const std::string& bytes) {
  std::string packet;
  append_packet(packet, "\1" + bytes);
  return packet;
}

TEST(FetchExchange, HoldsTheUpstreamBackWhileNobodyReads) {
  const Piped piped;
  ASSERT_EQ(piped.exchange->take("000dpackfile\n"), FetchExchange::Take::more);
  const std::string packet = band_of_pack(std::string(16'000, 'x'));
  std::size_t given = 0;
  while (piped.exchange->take(packet) == FetchExchange::Take::more) {
    given += 16'000;
    ASSERT_LT(given, 2'000'000U);
  }
  given += 16'000;
  std::string received = piped.read();
  EXPECT_LT(received.size(), given);
  EXPECT_EQ(piped.exchange->take(""), FetchExchange::Take::more);
  received += piped.read();
  EXPECT_EQ(received, std::string(given - 20, 'x'));
}

TEST(FetchExchange, KeepsTheChecksumUntilTheAnswerIsWhole) {
  const Piped piped;
  piped.exchange->take("000dpackfile\n" + band_of_pack("PACK" + std::string(20, 'c')));
  EXPECT_EQ(piped.read(), "PACK");
  piped.exchange->take("000");
  EXPECT_EQ(piped.read(), "");
  piped.exchange->take("0");
  EXPECT_EQ(piped.read(), std::string(20, 'c'));
}

TEST(FetchExchange, StopsWhenItsReaderHasGone) {
  ::signal(SIGPIPE, SIG_IGN);
  Piped piped;
  piped.reader.reset();
  EXPECT_EQ(piped.exchange->take("000dpackfile\n" + band_of_pack(std::string(100, 'x'))),
            FetchExchange::Take::stop);
}

TEST_F(ProtocolUpstreamTest, EndsARequestWithTheReasonThatItIsGiven) {
  const SilentServer silent;
  const Piped piped;
  send_fetch(*client_, post_of(silent.url(), "0000"), kPatient, false, piped.exchange);
  piped.exchange->abort(Error{ErrorClass::no_space, "full", std::nullopt});
  EXPECT_FALSE(piped.exchange->wait_for_pack());
  const auto outcome = piped.exchange->wait();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(to_string(outcome.error().error.error_class), "no_space");
}

}  // namespace
}  // namespace freshet::remote
