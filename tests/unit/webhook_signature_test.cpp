#include "webhook/signature.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "webhook/forge.h"

namespace freshet::webhook {
namespace {

// The example of GitHub's own documentation.
const std::string kSecret = "It's a Secret to Everybody";
const std::string kBody = "Hello, World!";
const std::string kDigits = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

http::Headers signed_with(const std::vector<std::string>& values) {
  http::Headers headers;
  for (const std::string& value : values) {
    headers.add("x-hub-signature-256", value);
  }
  return headers;
}

std::optional<std::size_t> check(const http::Headers& headers, const std::vector<Secret>& secrets,
                                 std::string_view body = kBody) {
  const auto signature = github().begin_check(headers, secrets, WallTime{});
  signature->update(body);
  return signature->finish();
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

TEST(GitHubSignatures, AreTheHmacOfTheRawBodyInHexadecimal) {
  const std::vector<Secret> secrets{Secret(kSecret)};
  EXPECT_EQ(check(signed_with({"sha256=" + kDigits}), secrets), 0U);
  EXPECT_EQ(check(signed_with({"sha256=" + upper(kDigits)}), secrets), 0U);
  EXPECT_EQ(check(signed_with({"sha256=" + kDigits}), secrets, kBody + "\n"), std::nullopt);
  EXPECT_EQ(check(signed_with({"sha256=" + kDigits}), secrets, ""), std::nullopt);
}

TEST(GitHubSignatures, OfAnotherFormAreRefused) {
  const std::vector<Secret> secrets{Secret(kSecret)};
  std::string other_digit = kDigits;
  other_digit.back() = '8';
  const std::vector<std::vector<std::string>> refused = {
      {},
      {""},
      {"sha256="},
      {kDigits},
      {"SHA256=" + kDigits},
      {"sha1=" + kDigits},
      {"sha1=" + kDigits.substr(0, 40)},
      {"sha256=" + other_digit},
      {"sha256=" + kDigits.substr(1)},
      {"sha256=" + kDigits.substr(0, 62)},
      {"sha256=" + kDigits + "00"},
      {"sha256=" + kDigits.substr(0, 63) + "g"},
      {"sha256= " + kDigits},
      {"sha256=" + kDigits + " "},
      {"sha256=" + kDigits + ",sha256=" + kDigits},
      {"sha256=" + kDigits, "sha256=" + kDigits},
      {"sha256=" + std::string(64, '0')},
  };
  for (const auto& values : refused) {
    EXPECT_EQ(check(signed_with(values), secrets), std::nullopt) << testing::PrintToString(values);
  }
}

TEST(GitHubSignatures, InTheOlderHeaderDoNotCount) {
  http::Headers headers;
  headers.add("X-Hub-Signature", "sha256=" + kDigits);
  EXPECT_EQ(check(headers, {Secret(kSecret)}), std::nullopt);
}

TEST(Signatures, MayBeOfAnyOfSeveralSecretsAndSayWhich) {
  const http::Headers headers = signed_with({"sha256=" + kDigits});
  EXPECT_EQ(check(headers, {Secret(kSecret), Secret("new")}), 0U);
  EXPECT_EQ(check(headers, {Secret("new"), Secret("newer"), Secret(kSecret)}), 2U);
  EXPECT_EQ(check(headers, {Secret("new"), Secret("newer")}), std::nullopt);
}

TEST(Signatures, NeverPassWithoutASecret) {
  EXPECT_EQ(check(signed_with({"sha256=" + kDigits}), {}), std::nullopt);
  // HMAC-SHA256 of nothing under the empty key.
  const http::Headers empty_key =
      signed_with({"sha256=b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"});
  EXPECT_EQ(check(empty_key, {Secret("")}, ""), std::nullopt);
  EXPECT_EQ(check(signed_with({"sha256=" + kDigits}), {Secret(""), Secret(kSecret)}), 1U);
}

TEST(Signatures, AreTheSameInHoweverManyPiecesTheBodyArrives) {
  HmacCheck whole({{*parse_digest(kDigits)}, ""}, {Secret(kSecret)});
  for (const char c : kBody) {
    whole.update(std::string_view(&c, 1));
  }
  EXPECT_EQ(whole.finish(), 0U);
  HmacCheck prefixed({{*parse_digest(kDigits)}, ""}, {Secret(kSecret)}, kBody.substr(0, 5));
  prefixed.update(kBody.substr(5));
  EXPECT_EQ(prefixed.finish(), 0U);
}

TEST(Signatures, MayBeClaimedSeveralAtOnce) {
  HmacCheck check_of_two({{std::string(32, 'x'), *parse_digest(kDigits)}, ""}, {Secret(kSecret)});
  check_of_two.update(kBody);
  EXPECT_EQ(check_of_two.finish(), 0U);
}

}  // namespace
}  // namespace freshet::webhook
