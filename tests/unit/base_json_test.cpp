#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace freshet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string repeated(std::string_view text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) {
    result += text;
  }
  return result;
}

TEST(JsonParser, TakesEveryKindOfValue) {
  const auto json =
      Json::parse(R"({"a":null,"b":true,"c":-7,"d":"x\u00e9\n","e":[1,[2]],"f":{"g":{}}})");
  ASSERT_TRUE(json);
  EXPECT_TRUE((*json)["a"].is_null());
  EXPECT_EQ((*json)["b"].boolean(), true);
  EXPECT_EQ((*json)["c"].integer(), -7);
  EXPECT_EQ((*json)["d"].text(), "x\xc3\xa9\n");
  EXPECT_EQ((*json)["e"].items().size(), 2U);
  EXPECT_TRUE((*json)["f"]["g"].is_object());
  EXPECT_EQ(json->members().front().first, "a");
}

TEST(JsonParser, RefusesWhatIsNoJson) {
  using namespace std::string_view_literals;
  for (const std::string_view text :
       {""sv,         " "sv,       "{"sv,     "[1,]"sv,     "{\"a\"}"sv,  "{a:1}"sv,
        "'a'"sv,      "[1] [2]"sv, "nul"sv,   "\"\xff\""sv, "\"\xc3\""sv, "\"\\ud800\""sv,
        "\"a\nb\""sv, "01"sv,      "1."sv,    "NaN"sv,      "Infinity"sv, "1e999"sv,
        "// x\n1"sv,  "{}\0"sv,    "\"\0\""sv}) {
    EXPECT_FALSE(Json::parse(text)) << text;
  }
}

TEST(JsonParser, CountsHowDeepContainersAreNested) {
  EXPECT_TRUE(Json::parse("1", 0));
  EXPECT_FALSE(Json::parse("[]", 0));
  EXPECT_TRUE(Json::parse("[{}]", 2));
  EXPECT_FALSE(Json::parse("[{}]", 1));
  EXPECT_TRUE(Json::parse(repeated("[", 64) + repeated("]", 64)));
  EXPECT_FALSE(Json::parse(repeated("[", 65) + repeated("]", 65)));
  EXPECT_TRUE(Json::parse("[" + repeated("[],", 1000) + "[]]", 2)) << "depth, not number";
}

TEST(JsonParser, StopsAtTheLimitHoweverDeepTheTextGoesOn) {
  EXPECT_FALSE(Json::parse(repeated("[", 1'000'000)));
  EXPECT_FALSE(Json::parse(repeated("{\"a\":", 1'000'000)));
}

TEST(JsonParser, KeepsTheBoundsOfIntegers) {
  EXPECT_EQ(Json::parse("9223372036854775807")->integer(), INT64_MAX);
  EXPECT_EQ(Json::parse("-9223372036854775808")->integer(), INT64_MIN);
  EXPECT_EQ(Json::parse("9223372036854775808")->integer(), std::nullopt);
  EXPECT_EQ(Json::parse("-9223372036854775809")->integer(), std::nullopt);
  EXPECT_EQ(Json::parse("1.0")->integer(), std::nullopt);
  EXPECT_EQ(Json::parse("1e2")->integer(), std::nullopt);
}

TEST(JsonValues, AnswerWithNothingWhereSomethingIsMissing) {
  const auto json = Json::parse(R"({"text":"x","list":[1],"none":null})");
  ASSERT_TRUE(json);
  EXPECT_TRUE((*json)["missing"]["and"]["deeper"].is_null());
  EXPECT_TRUE((*json)["text"]["x"].is_null());
  EXPECT_TRUE((*json)["list"]["0"].is_null());
  EXPECT_EQ((*json)["list"].text(), "");
  EXPECT_EQ((*json)["none"].integer(), std::nullopt);
  EXPECT_EQ((*json)["text"].integer(), std::nullopt);
  EXPECT_EQ((*json)["text"].boolean(), std::nullopt);
  EXPECT_THAT((*json)["text"].items(), IsEmpty());
  EXPECT_THAT((*json)["list"].members(), IsEmpty());
  EXPECT_TRUE(Json()["a"].is_null());
}

TEST(JsonValues, CountTheFirstOfTwoMembersOfOneName) {
  const auto json = Json::parse(R"({"a":1,"b":2,"a":3})");
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["a"].integer(), 1);
  EXPECT_EQ(json->dump(), R"({"a":1,"b":2})") << "what is written is what was read";
}

TEST(JsonValues, AreReplacedByNameAndAddedInOrder) {
  Json json = Json::object({{"b", 1}, {"a", 2}});
  json.set("b", "new");
  json.set("c", std::optional<int>());
  json.set("d", Json::array());
  EXPECT_EQ(json.dump(), R"({"b":"new","a":2,"c":null,"d":[]})");
  Json list;
  list.push(1);
  list.push(Json::object());
  EXPECT_EQ(list.dump(), "[1,{}]");
}

TEST(JsonWriter, WritesBackWhatItRead) {
  for (const char* text : {"null", "true", "-7", "\"\"", "\"a\\\"\\\\\\n\\u0001\"", "[]", "{}",
                           "[1,[2,{\"a\":[]}]]", "1.5", "[1.5,-0.25]", "{\"pi\":3.25,\"e\":[2.5]}",
                           "[9223372036854775807]", "[[],[[]],{},\"[\",\"{\",\",\"]",
                           "{\"\":{\"\":{}},\"a\\tb\":\"\x7f/\xc3\xa9\",\"c\":false}"}) {
    const auto json = Json::parse(text);
    ASSERT_TRUE(json) << text;
    EXPECT_EQ(json->dump(), text);
  }
}

TEST(JsonWriter, WritesAMemberOfOneNameOnceHoweverManyThereAre) {
  Json::Object members;
  for (int i = 0; i < 40; ++i) {
    members.emplace_back(std::to_string(i % 20), Json(i));
  }
  const auto written = Json::parse(Json(members).dump());
  ASSERT_TRUE(written);
  EXPECT_EQ(written->members().size(), 20U);
  EXPECT_EQ((*written)["7"].integer(), 7);
}

TEST(JsonWriter, ReplacesBytesThatAreNoUtf8) {
  EXPECT_EQ(Json("a\xff"
                 "b\xc3")
                .dump(),
            "\"a\xef\xbf\xbd"
            "b\xef\xbf\xbd\"");
  EXPECT_EQ(Json::object({{"\xfe", 1}}).dump(), "{\"\xef\xbf\xbd\":1}");
  EXPECT_TRUE(Json::parse(Json("\xed\xa0\x80\xf5").dump())) << "always JSON again";
}

TEST(JsonWriter, IndentsForPeopleOnly) {
  const Json json = Json::object({{"a", Json::array()}, {"b", 1}});
  EXPECT_EQ(json.dump(), R"({"a":[],"b":1})");
  EXPECT_EQ(json.dump(2), "{\n  \"a\": [],\n  \"b\": 1\n}");
}

TEST(JsonWriter, KeepsNumbersThatFitNoSignedInteger) {
  EXPECT_EQ(Json(UINT64_MAX).integer(), std::nullopt) << "not -1";
  EXPECT_EQ(Json(std::uint64_t{7}).integer(), 7);
}

}  // namespace
}  // namespace freshet
