#include "remote/protocol_v2.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>

namespace freshet::remote {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using Version = Greeting::Version;

const std::string kA(40, 'a');
const std::string kB(40, 'b');
const std::string kC(40, 'c');

ObjectId id(const std::string& hex) {
  return ObjectId::parse(hex).value();
}

/// Packets of lines; "|" is a delimiter and "." a flush.
std::string lines(std::initializer_list<std::string> texts) {
  std::string out;
  for (const std::string& text : texts) {
    if (text == "|") {
      append_delimiter(out);
    } else if (text == ".") {
      append_flush(out);
    } else {
      append_packet(out, text + "\n");
    }
  }
  return out;
}

const std::string kOffer =
    lines({"version 2", "agent=git/2.39.5", "ls-refs=unborn", "fetch=shallow wait-for-done filter",
           "server-option", "object-format=sha1", "object-info", "."});

std::string class_of(const Error& error) {
  return std::string(to_string(error.error_class));
}

template <class T>
std::string class_of(const Result<T>& result) {
  return result ? "fine" : class_of(result.error());
}

// The greeting

TEST(Greeting, OfVersion2SaysWhatTheServerCanDo) {
  for (const std::string& body : {kOffer, lines({"# service=git-upload-pack", "."}) + kOffer}) {
    const auto greeting = parse_greeting(body);
    ASSERT_TRUE(greeting) << greeting.error().message;
    EXPECT_EQ(greeting->version, Version::two);
    EXPECT_EQ(greeting->capabilities, (Capabilities{true, true, true, true, true, true}));
  }
}

TEST(Greeting, LeavesOutWhatIsNotOffered) {
  const auto greeting = parse_greeting(lines({"version 2", "ls-refs", "fetch=shallower", "."}));
  ASSERT_TRUE(greeting);
  EXPECT_EQ(greeting->capabilities, Capabilities());
}

TEST(Greeting, RecognisesOldVersions) {
  const std::string ref = kA + " HEAD" + std::string(1, '\0') + "multi_ack side-band-64k";
  const std::string none = std::string(40, '0').append(" capabilities^{}").append(1, '\0') + "x";
  const std::string service = lines({"# service=git-upload-pack", "."});
  const std::string plain = kA + "\trefs/heads/main\n" + kB + "\trefs/heads/next\n";
  for (const std::string& body :
       {service + lines({ref, "."}), service + lines({none, "."}),
        service + lines({"version 1", ref, "."}), lines({ref, "."}), plain}) {
    const auto greeting = parse_greeting(body);
    ASSERT_TRUE(greeting) << greeting.error().message;
    EXPECT_EQ(greeting->version, Version::old) << body;
  }
}

TEST(Greeting, ThatIsEmptyTellsNothing) {
  EXPECT_EQ(parse_greeting("")->version, Version::none);
  EXPECT_EQ(parse_greeting(lines({"# service=git-upload-pack", "."}))->version, Version::none);
}

TEST(Greeting, CutOffAnywhereIsAnError) {
  const std::string whole = lines({"# service=git-upload-pack", "."}) + kOffer;
  const std::size_t preamble = lines({"# service=git-upload-pack", "."}).size();
  for (std::size_t size = 1; size < whole.size(); ++size) {
    if (size != preamble) {
      EXPECT_EQ(class_of(parse_greeting(whole.substr(0, size))), "protocol") << size;
    }
  }
}

TEST(Greeting, OfSomethingElseIsAnErrorThatShowsIt) {
  for (const std::string& body :
       {std::string("<!DOCTYPE html><title>Sign in</title>"), std::string("hello"),
        lines({"version 3", "."}), lines({"."}), kOffer + "x", kOffer + kOffer,
        lines({"# service=git-receive-pack", "."}) + kOffer, lines({"version 2", "|", "."}),
        kA + "\tsomething"}) {
    EXPECT_EQ(class_of(parse_greeting(body)), "protocol") << body;
  }
  EXPECT_THAT(parse_greeting("<!DOCTYPE html>").error().message, HasSubstr("<!DOCTYPE html>"));
}

TEST(Greeting, OfASha256RepositoryIsForAPerson) {
  const auto greeting =
      parse_greeting(lines({"version 2", "ls-refs", "fetch", "object-format=sha256", "."}));
  EXPECT_EQ(class_of(greeting), "config");
  EXPECT_THAT(greeting.error().message, HasSubstr("SHA-256"));
}

TEST(Greeting, WithoutTheCommandsIsAnError) {
  EXPECT_EQ(class_of(parse_greeting(lines({"version 2", "fetch", "."}))), "protocol");
  EXPECT_EQ(class_of(parse_greeting(lines({"version 2", "ls-refs", "."}))), "protocol");
}

TEST(Greeting, ThatRefusesSaysWhy) {
  const auto greeting = parse_greeting(lines({"ERR Repository not found."}));
  EXPECT_EQ(class_of(greeting), "not_found");
  EXPECT_THAT(greeting.error().message, HasSubstr("Repository not found."));
}

TEST(Refusal, IsSortedByWhatItSays) {
  EXPECT_EQ(class_of(explain_refusal("upload-pack: not our ref " + kA)), "not_found");
  EXPECT_EQ(class_of(explain_refusal("Server does not allow request for unadvertised object")),
            "not_found");
  EXPECT_EQ(class_of(explain_refusal("access denied or repository not exported: /x")), "not_found");
  EXPECT_EQ(class_of(explain_refusal("Access denied")), "auth");
  EXPECT_EQ(class_of(explain_refusal("API rate limit exceeded")), "rate_limited");
  EXPECT_EQ(class_of(explain_refusal("")), "protocol");
  // The trouble is on their disk, not on ours.
  EXPECT_EQ(class_of(explain_refusal("fatal: write error: No space left on device")), "protocol");
  EXPECT_EQ(class_of(explain_refusal("aborting due to possible repository corruption")),
            "protocol");
}

TEST(Refusal, IsShownWithoutControlCharactersAndPasswords) {
  const Error error =
      explain_refusal("no\n\x1b[31m https://ann:secret@example.org/x" + std::string(5000, 'x'));
  EXPECT_THAT(error.message, Not(HasSubstr("secret")));
  EXPECT_THAT(error.message, Not(HasSubstr("\x1b")));
  EXPECT_LT(error.message.size(), 400U);
}

TEST(Refusal, IsShownWithoutThePartOfAPasswordThatACutOrAReplacementWouldHide) {
  for (std::size_t front = 270; front <= 300; ++front) {
    const std::string text = std::string(front, 'x') + " https://ann:secret@example.org/x";
    EXPECT_THAT(explain_refusal(text).message, Not(HasSubstr("ann:"))) << front;
  }
  EXPECT_THAT(explain_refusal("see https://ann:sec\x01ret@example.org/x").message,
              Not(HasSubstr("ann:")));
}

// ls-refs

TEST(LsRefs, IsEncodedAsTheServerWantsIt) {
  EXPECT_EQ(
      encode_ls_refs({true, true, true, true, true, true},
                     {{"refs/heads/*"}, {"refs/tags/v1"}, {"HEAD"}}),
      lines({"command=ls-refs", "agent=freshet", "object-format=sha1", "|", "symrefs", "unborn",
             "ref-prefix refs/heads/", "ref-prefix refs/tags/v1", "ref-prefix HEAD", "."}));
  EXPECT_EQ(encode_ls_refs({}, {{"HEAD"}}),
            lines({"command=ls-refs", "|", "symrefs", "ref-prefix HEAD", "."}));
}

/// The answer in pieces of `piece` bytes.
Result<Advertisement> read_refs(const std::vector<RefPattern>& patterns, std::string_view body,
                                std::size_t piece = 1000) {
  RefListReader reader(patterns);
  while (!body.empty()) {
    FRESHET_CHECK(reader.feed(body.substr(0, piece)));
    body.remove_prefix(std::min(piece, body.size()));
  }
  return reader.finish();
}

TEST(RefList, IsReadWhateverThePieces) {
  const std::string body =
      lines({kA + " HEAD symref-target:refs/heads/main", kB + " refs/heads/a b",
             kA + " refs/heads/main", kC + " refs/tags/v1 peeled:" + kA, "."});
  for (std::size_t piece = 1; piece <= body.size(); ++piece) {
    const auto answer = read_refs({{"HEAD"}, {"refs/heads/main"}, {"refs/tags/*"}}, body, piece);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_THAT(answer->refs, ElementsAre(Pair(RefName("refs/heads/main"), id(kA)),
                                          Pair(RefName("refs/tags/v1"), id(kC))));
    EXPECT_EQ(answer->default_branch, RefName("refs/heads/main"));
    EXPECT_EQ(answer->head, id(kA));
  }
}

TEST(RefList, KeepsExactlyWhatWasAskedFor) {
  const std::string body =
      lines({kA + " HEAD symref-target:refs/heads/main", kA + " HEADS", kA + " refs/heads/main",
             kA + " refs/heads/main2", kA + " refs/heads/main/x", kA + " refs/pull/1/head", "."});
  const auto answer = read_refs({{"refs/heads/main"}}, body);
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->refs, ElementsAre(Pair(RefName("refs/heads/main"), id(kA))));
  EXPECT_EQ(answer->default_branch, std::nullopt);
  EXPECT_EQ(answer->head, std::nullopt);
}

TEST(RefList, KnowsWhereAnUnbornHeadPoints) {
  const auto answer =
      read_refs({{"HEAD"}}, lines({"unborn HEAD symref-target:refs/heads/trunk", "."}));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->default_branch, RefName("refs/heads/trunk"));
  EXPECT_EQ(answer->head, std::nullopt);
}

TEST(RefList, OfARepositoryWithoutRefsIsEmptyOnlyWithItsEnd) {
  EXPECT_THAT(read_refs({{"refs/heads/*"}}, "0000")->refs, IsEmpty());
  EXPECT_EQ(class_of(read_refs({{"refs/heads/*"}}, "")), "protocol");
}

TEST(RefList, CutOffAnywhereIsAnError) {
  const std::string body = lines({kA + " refs/heads/main", kB + " refs/heads/next", "."});
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_EQ(class_of(read_refs({{"refs/heads/*"}}, body.substr(0, size))), "protocol") << size;
  }
}

TEST(RefList, RefusesWhatIsNoListOfRefs) {
  const std::string line = kA + " refs/heads/main";
  for (const std::string& body :
       {lines({line, ".", "."}), lines({line, ".", line}), lines({line, "."}) + "0",
        lines({line, "|", "."}), lines({line}) + "0002", lines({"xyz refs/heads/main", "."}),
        lines({kA, "."}), lines({kA + " ", "."}), lines({"", "."}),
        lines({kA + kA.substr(0, 24) + " refs/heads/main", "."}), lines({"version 2", "."}),
        std::string("<html>")}) {
    EXPECT_EQ(class_of(read_refs({{"refs/heads/*"}}, body)), "protocol") << body;
  }
  EXPECT_EQ(class_of(read_refs({{"HEAD"}}, lines({"ERR access denied"}))), "auth");
}

TEST(RefList, LeavesOutNamesThatNobodyMayWrite) {
  const auto answer = read_refs(
      {{"refs/heads/*"}},
      lines({kA + " refs/heads/../../x", kA + " refs/heads/x.lock", kA + " refs/heads/fine", "."}));
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->refs, ElementsAre(Pair(RefName("refs/heads/fine"), id(kA))));
}

// fetch

TEST(Fetch, IsEncodedAsTheServerWantsIt) {
  FetchCommand command;
  command.wants = {id(kA), id(kB)};
  command.haves = {id(kC)};
  EXPECT_EQ(encode_fetch({true, true, true, true, true, true}, command),
            lines({"command=fetch", "agent=freshet", "object-format=sha1", "|", "thin-pack",
                   "ofs-delta", "include-tag", "want " + kA, "want " + kB, "have " + kC, "."}));
  command.shallow = {id(kB)};
  command.depth = 3;
  command.done = true;
  command.include_tag = false;
  command.progress = false;
  EXPECT_EQ(encode_fetch({}, command),
            lines({"command=fetch", "|", "thin-pack", "ofs-delta", "no-progress", "shallow " + kB,
                   "deepen 3", "want " + kA, "want " + kB, "have " + kC, "done", "."}));
}

std::string band(char number, const std::string& bytes) {
  std::string out;
  append_packet(out, std::string(1, number) + bytes);
  return out;
}

/// What came of an answer in pieces of `piece` bytes.
struct Received {
  std::string pack;
  std::string progress;
  std::vector<ObjectId> common;
  std::vector<ObjectId> shallow;
  std::vector<ObjectId> unshallow;
  bool has_pack = false;
};

Result<Received> read_fetch(std::string_view body, std::size_t piece = 1000) {
  Received received;
  FetchReader reader({[&](std::string_view bytes) {
                        received.pack += bytes;
                        return Result<void>();
                      },
                      [&](std::string_view text) { received.progress += text; }});
  while (!body.empty()) {
    FRESHET_CHECK(reader.feed(body.substr(0, piece)));
    body.remove_prefix(std::min(piece, body.size()));
  }
  FRESHET_CHECK(reader.finish());
  received.common = reader.common();
  received.shallow = reader.shallow();
  received.unshallow = reader.unshallow();
  received.has_pack = reader.has_pack();
  return received;
}

const std::string kPack = lines({"packfile"}) + band(2, "Counting\r") + band(1, "PACK") +
                          band(1, "") + band(2, "done\n") + band(1, std::string("\0\1\2", 3)) +
                          "0000";

TEST(FetchAnswer, IsReadWhateverThePieces) {
  const std::string body = lines({"acknowledgments", "ACK " + kA, "ACK " + kB, "ready", "|",
                                  "shallow-info", "shallow " + kC, "unshallow " + kA, "|",
                                  "wanted-refs", kA + " refs/heads/main", "|"}) +
                           kPack;
  for (std::size_t piece = 1; piece <= body.size(); ++piece) {
    const auto received = read_fetch(body, piece);
    ASSERT_TRUE(received) << received.error().message;
    EXPECT_EQ(received->pack, std::string("PACK\0\1\2", 7));
    EXPECT_EQ(received->progress, "Counting\rdone\n");
    EXPECT_THAT(received->common, ElementsAre(id(kA), id(kB)));
    EXPECT_THAT(received->shallow, ElementsAre(id(kC)));
    EXPECT_THAT(received->unshallow, ElementsAre(id(kA)));
    EXPECT_TRUE(received->has_pack);
  }
}

TEST(FetchAnswer, MayBeAcknowledgmentsAlone) {
  const auto none = read_fetch(lines({"acknowledgments", "NAK", "."}));
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->has_pack);
  const auto some = read_fetch(lines({"acknowledgments", "ACK " + kA, "."}));
  ASSERT_TRUE(some);
  EXPECT_THAT(some->common, ElementsAre(id(kA)));
}

TEST(FetchAnswer, CutOffAnywhereIsAnError) {
  const std::string body = lines({"acknowledgments", "ready", "|"}) + kPack;
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_EQ(class_of(read_fetch(body.substr(0, size))), "protocol") << size;
  }
}

TEST(FetchAnswer, RefusesWhatHasNoPlaceInIt) {
  const std::string uris = lines({"packfile-uris", kA + " https://example.org", "|"}) + kPack;
  const std::string other_band = lines({"packfile"}) + band(4, "x") + "0000";
  for (const std::string& body :
       {std::string("0000"), std::string("0001"), std::string("0002"), kPack + "0000", kPack + "0",
        kPack + kPack, lines({"acknowledgments", "NAK", "|"}) + kPack,
        lines({"acknowledgments", "ready", "."}),
        lines({"acknowledgments", "ready", "|", "acknowledgments", "ready", "|"}) + kPack,
        lines({"acknowledgments", "ACK xyz", "."}), lines({"acknowledgments", "hello", "."}),
        lines({"shallow-info", "shallow", "|"}) + kPack, lines({"shallow-info", "."}), uris,
        lines({"packfile", "|"}), lines({"packfile"}) + "00040000", other_band,
        lines({"packfile"}) + "PACK"}) {
    EXPECT_EQ(class_of(read_fetch(body)), "protocol") << body;
  }
}

TEST(FetchAnswer, CarriesTheUpstreamsOwnWordsWhenItRefuses) {
  const std::string refused = "ERR upload-pack: not our ref " + kA;
  EXPECT_EQ(class_of(read_fetch(lines({refused}))), "not_found");
  EXPECT_EQ(class_of(read_fetch(lines({"acknowledgments", refused}))), "not_found");
  EXPECT_EQ(
      class_of(read_fetch(lines({"packfile"}) + band(1, "PACK") + band(3, "fatal: out of memory"))),
      "protocol");
  std::string unbanded = lines({"packfile"});
  append_packet(unbanded, "ERR access denied");
  EXPECT_EQ(class_of(read_fetch(unbanded)), "auth");
}

TEST(FetchAnswer, StopsWithTheErrorOfWhoTakesThePack) {
  FetchReader reader(
      {[](std::string_view) { return Result<void>(fail(ErrorClass::config, "full")); }, {}});
  EXPECT_EQ(class_of(reader.feed(kPack)), "config");
}

TEST(FetchAnswer, TakesOnlySoManyLines) {
  FetchReader reader({[](std::string_view) { return Result<void>(); }, {}});
  ASSERT_TRUE(reader.feed(lines({"shallow-info"})));
  const std::string line = lines({"shallow " + kA});
  Result<void> fed;
  for (int i = 0; fed && i < 1'000'000; ++i) {
    fed = reader.feed(line);
  }
  EXPECT_EQ(class_of(fed), "protocol");
}

}  // namespace
}  // namespace freshet::remote
