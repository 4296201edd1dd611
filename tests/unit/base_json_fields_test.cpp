#include "base/json_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace freshet {
namespace {

using testing::HasSubstr;
using testing::Not;

const JsonFields kWanted{"ref", "repository.name", "repository.owner.login", "changes.ref.id",
                         "changes.hash"};

/// What is kept, on one line.
std::string kept(std::string_view text, const JsonFields& wanted = kWanted,
                 const JsonLimits& limits = {}) {
  const auto result = parse_json_fields(text, wanted, limits);
  return !result ? "refused" : result->value.dump() + (result->cut ? " cut" : "");
}

std::string repeated(std::string_view text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) {
    result += text;
  }
  return result;
}

TEST(JsonFields, AreKeptInTheOrderOfTheDocumentAndNothingElseIs) {
  EXPECT_EQ(kept(R"({"x":[1,{"ref":2}],"repository":{"id":7,"owner":{"login":"acme","ref":3},
                   "name":"docs"},"ref":"main","y":null})"),
            R"({"repository":{"owner":{"login":"acme"},"name":"docs"},"ref":"main"})");
  EXPECT_EQ(kept("{}"), "{}");
}

TEST(JsonFields, GoThroughArrays) {
  EXPECT_EQ(kept(R"({"changes":[{"ref":{"id":"a","x":[]},"hash":1},{"y":1},{"hash":"b"}]})"),
            R"({"changes":[{"ref":{"id":"a"},"hash":1},{},{"hash":"b"}]})");
  EXPECT_EQ(kept(R"({"changes":[[{"hash":1}],2]})"), R"({"changes":[[],2]})")
      << "an array in an array is nobody's";
  EXPECT_EQ(kept(R"([{"ref":"main"}])"), "[]");
}

TEST(JsonFields, KeepTheKindOfAValueThatIsNotWhatWasExpected) {
  EXPECT_EQ(kept(R"({"ref":{"a":1},"repository":"docs","changes":{"hash":[1,2]}})"),
            R"({"ref":{},"repository":"docs","changes":{"hash":[]}})");
  EXPECT_EQ(kept("7"), "7");
  EXPECT_EQ(kept(R"("text")"), R"("text")");
}

TEST(JsonFields, CountTheFirstOfTwoMembersOfOneName) {
  EXPECT_EQ(kept(R"({"ref":"a","ref":"b","r\u0065f":"c"})"), R"({"ref":"a"})");
  EXPECT_EQ(kept(R"({"r\u0065f":"c","ref":"a"})"), R"({"ref":"c"})");
  EXPECT_EQ(kept(R"({"repository":{},"repository":{"name":"x"}})"), R"({"repository":{}})");
  EXPECT_EQ(kept(R"({"ref":null,"ref":"b"})"), R"({"ref":null})");
}

TEST(JsonFields, AreRefusedWhereverTheDocumentIsNoJson) {
  using namespace std::string_view_literals;
  const std::string_view wrong[] = {
      ""sv,
      " "sv,
      "{"sv,
      "[1,]"sv,
      "[,]"sv,
      "{\"a\"}"sv,
      "{a:1}"sv,
      "'a'"sv,
      "1 2"sv,
      "nul"sv,
      "truex"sv,
      "\"\xff\""sv,
      "\"\xc3\""sv,
      "\"\xc0\x80\""sv,
      "\"\xed\xa0\x80\""sv,
      "\"\\ud800\""sv,
      "\"\\udc00\""sv,
      "\"\\ud800\\u0041\""sv,
      "\"\\u12g4\""sv,
      "\"\\x\""sv,
      "\"a\nb\""sv,
      "\"a"sv,
      "\"\\"sv,
      "\"\\u12"sv,
      "01"sv,
      "1."sv,
      "-"sv,
      ".5"sv,
      "+1"sv,
      "1e"sv,
      "NaN"sv,
      "// x\n1"sv,
      "\0"sv,
      "\"\0\""sv,
      "{\"a\":1,}"sv,
      "[1}"sv,
      "{\"a\":1]"sv,
      "[1 2]"sv,
      "{\"a\" 1}"sv,
      "\xef\xbb"sv,
  };
  for (const std::string_view text : wrong) {
    EXPECT_EQ(kept(text), "refused") << text;
    EXPECT_EQ(kept("{\"skipped\":" + std::string(text) + "}"), "refused") << text;
    EXPECT_EQ(kept("{\"ref\":" + std::string(text) + "}"), "refused") << text;
    EXPECT_EQ(kept("{\"changes\":[" + std::string(text) + ",1]}"), "refused") << text;
  }
  EXPECT_EQ(kept("{} {}"), "refused");
  EXPECT_EQ(kept("{}\0"sv), "refused");
  EXPECT_EQ(kept("{}}"), "refused");
  EXPECT_EQ(kept("\xef\xbb\xbf{}"), "{}");
}

TEST(JsonFields, CountHowDeepContainersAreNestedKeptOrNot) {
  EXPECT_EQ(kept("1", kWanted, {.depth = 0}), "1");
  EXPECT_EQ(kept("{}", kWanted, {.depth = 0}), "refused");
  EXPECT_EQ(kept(R"({"x":[]})", kWanted, {.depth = 2}), "{}");
  EXPECT_EQ(kept(R"({"x":[{}]})", kWanted, {.depth = 2}), "refused");
  EXPECT_EQ(kept(R"({"repository":{"owner":{}}})", kWanted, {.depth = 2}), "refused");
  const auto nested = [](int depth) { return repeated("[", depth) + repeated("]", depth); };
  EXPECT_EQ(kept("{\"x\":" + nested(63) + "}"), "{}");
  EXPECT_EQ(kept("{\"x\":" + nested(64) + "}"), "refused");
  EXPECT_EQ(kept("[" + repeated("[],{},", 1000) + "[]]", kWanted, {.depth = 2}), "[]");
  EXPECT_EQ(kept(repeated("[", 1'000'000)), "refused");
  EXPECT_EQ(kept(repeated("{\"a\":", 1'000'000)), "refused");
}

TEST(JsonFields, AreBoundedWhateverTheDocument) {
  const std::string many = R"({"changes":[)" + repeated("{},", 10) + R"({}],"ref":"main"})";
  EXPECT_EQ(kept(many, kWanted, {.items = 2}), R"({"changes":[{},{}],"ref":"main"} cut)");
  EXPECT_EQ(kept(many, kWanted, {.items_of_all = 1}), R"({"changes":[{}],"ref":"main"} cut)");
  EXPECT_THAT(kept(many, kWanted, {.items = 11}), Not(HasSubstr("cut")));
  EXPECT_EQ(kept(R"({"ref":"12345","x":"12345","changes":[{"hash":"1234"}]})", kWanted,
                 {.text_bytes = 4}),
            R"({"ref":null,"changes":[{"hash":"1234"}]} cut)");
}

TEST(JsonFields, DecodeTextsAndNumbers) {
  const JsonFields a{"a"};
  EXPECT_EQ(parse_json_fields(R"({"a":"\"\\\/\b\f\n\r\t\u00e9\u20AC\ud83d\ude00 é"})", a)
                ->value["a"]
                .text(),
            "\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 \xc3\xa9");
  EXPECT_EQ(parse_json_fields(R"({"a":-9223372036854775808})", a)->value["a"].integer(), INT64_MIN);
  EXPECT_EQ(parse_json_fields(R"({"a":18446744073709551615})", a)->value["a"].integer(),
            std::nullopt);
  EXPECT_EQ(parse_json_fields(R"({"a":-1.5e2})", a)->value["a"].real(), -150.0);
  EXPECT_TRUE(parse_json_fields(R"({"a":1e999})", a)->value["a"].is_null());
}

/// Documents and near-documents. No digit but 0 and 7, so that no number outgrows a double, which
/// only Json::parse minds.
class Documents {
 public:
  std::string next() {
    std::string text = value(0);
    constexpr std::string_view kBytes = "{}[]:,\"\\u0 tfn-.\n\x01\x7f\x80\xc3\xa9\xed\xf4";
    for (unsigned changes = below(4); changes > 0 && !text.empty(); --changes) {
      const std::size_t at = below(static_cast<unsigned>(text.size()));
      switch (below(3)) {
        case 0:
          text.erase(at, 1);
          break;
        case 1:
          text.insert(at, 1, kBytes[below(kBytes.size())]);
          break;
        default:
          text[at] = kBytes[below(kBytes.size())];
      }
    }
    return text;
  }

 private:
  unsigned below(std::size_t bound) { return static_cast<unsigned>(random_() % bound); }

  std::string text() {
    constexpr std::string_view kPieces[] = {"ref",
                                            "repository",
                                            "name",
                                            "changes",
                                            "hash",
                                            "owner",
                                            "id",
                                            "login",
                                            "",
                                            "x",
                                            "\\n",
                                            "r\\u0065f",
                                            "\xc3\xa9",
                                            "\xf0\x9f\x98\x80",
                                            "\\ud83d\\ude00",
                                            "a longer piece of text"};
    std::string result = "\"";
    for (unsigned pieces = 1 + below(8) / 6; pieces > 0; --pieces) {
      result += kPieces[below(std::size(kPieces))];
    }
    return result + "\"";
  }

  std::string value(int depth) {
    constexpr std::string_view kScalars[] = {"true", "false", "null", "0",    "-0",
                                             "77",   "-7",    "0.7",  "7e-0", "-70.07"};
    const unsigned kind = depth == 0 ? 0 : below(depth > 5 ? 4 : 8);
    if (kind >= 1 && kind <= 2) {
      return text();
    }
    if (kind == 3 || (kind == 0 && depth > 5)) {
      return std::string(kScalars[below(std::size(kScalars))]);
    }
    const bool object = kind == 0 || kind >= 6;
    const std::string blank = below(4) == 0 ? " \t\n\r" : "";
    std::string result(object ? "{" : "[");
    for (unsigned members = below(6), i = 0; i < members; ++i) {
      result += (i == 0 ? "" : ",") + blank + (object ? text() + blank + ":" : "") +
                value(depth + 1) + blank;
    }
    return result + (object ? "}" : "]");
  }

  std::mt19937 random_{20261121};
};

/// `value` without what is not wanted, as the readers' rules say it.
Json filtered(const Json& value, const JsonFields::Field& wanted, bool is_item) {
  if (value.is_object()) {
    Json result = Json::object();
    for (const auto& [name, member] : value.members()) {
      for (const JsonFields::Field& field : wanted.members) {
        if (field.name == name && &value[name] == &member) {
          result.set(name, filtered(member, field, false));
        }
      }
    }
    return result;
  }
  if (value.is_array()) {
    Json result = Json::array();
    for (const Json& item : value.items()) {
      if (!is_item && !wanted.members.empty()) {
        result.push(filtered(item, wanted, true));
      }
    }
    return result;
  }
  return value;
}

TEST(JsonFields, AreWhatTheWholeParserFindsInAnyDocument) {
  Documents documents;
  int accepted = 0;
  constexpr int kDocuments = 30'000;
  for (int i = 0; i < kDocuments; ++i) {
    const std::string text = documents.next();
    const auto whole = Json::parse(text);
    const auto fields = parse_json_fields(text, kWanted);
    ASSERT_EQ(whole.has_value(), fields.has_value()) << text;
    if (whole) {
      ++accepted;
      ASSERT_EQ(filtered(*whole, kWanted.root(), true).dump(), fields->value.dump()) << text;
    }
  }
  EXPECT_GT(accepted, kDocuments / 5);
  EXPECT_LT(accepted, kDocuments * 4 / 5);
}

}  // namespace
}  // namespace freshet
