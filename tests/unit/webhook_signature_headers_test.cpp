#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "webhook/forge.h"

namespace freshet::webhook {
namespace {

using namespace std::chrono_literals;
using Fields = std::vector<std::pair<std::string, std::string>>;

const std::string kBody = R"({"ref":"refs/heads/main"})";
const std::string kSecret = "a secret of nobody";
const std::string kDigest = to_hex(hmac_sha256(kSecret, kBody));
const std::string kKey(32, 'k');
const std::string kSigningSecret = "whsec_" + to_base64(kKey);
const WallTime kNow = from_unix_millis(1'790'000'000'000);

std::unique_ptr<SignatureCheck> begin(const Forge& forge, const Fields& fields,
                                      const std::vector<Secret>& secrets) {
  http::Headers headers;
  for (const auto& [name, value] : fields) {
    headers.add(name, value);
  }
  return forge.begin_check(headers, secrets, kNow);
}

/// The position of the secret, or -1.
int signer(const Forge& forge, const Fields& fields,
           const std::vector<Secret>& secrets = {Secret("old"), Secret(kSecret)},
           std::string_view body = kBody) {
  const auto check = begin(forge, fields, secrets);
  check->update(body.substr(0, 5));
  check->update(body.substr(5));
  const auto position = check->finish();
  EXPECT_TRUE(check->problem().empty() || !position);
  return position ? static_cast<int>(*position) : -1;
}

TEST(SignatureHeaders, OfEachForgeHoldTheDigestInItsForm) {
  EXPECT_EQ(signer(github(), {{"X-Hub-Signature-256", "sha256=" + kDigest}}), 1);
  EXPECT_EQ(signer(gitea(), {{"X-Forgejo-Signature", kDigest}}), 1);
  EXPECT_EQ(signer(gitea(), {{"X-Gitea-Signature", kDigest}}), 1);
  EXPECT_EQ(signer(gitea(), {{"X-Gogs-Signature", kDigest}}), 1);
  EXPECT_EQ(signer(gitea(), {{"X-Hub-Signature-256", "sha256=" + kDigest}}), 1);
  EXPECT_EQ(signer(bitbucket(), {{"X-Hub-Signature", "sha256=" + kDigest}}), 1);
  EXPECT_EQ(signer(generic(), {{"X-Signature-256", "sha256=" + kDigest}}), 1);
  EXPECT_EQ(signer(gitlab(), {{"X-Gitlab-Token", kSecret}}), 1);
}

TEST(SignatureHeaders, ThatCanNeverPassAreKnownBeforeTheBody) {
  struct Case {
    const Forge& forge;
    std::string header;
    std::string prefix;
  };
  const std::vector<Case> cases = {
      {github(), "X-Hub-Signature-256", "sha256="}, {gitea(), "X-Forgejo-Signature", ""},
      {gitea(), "X-Gitea-Signature", ""},           {gitea(), "X-Gogs-Signature", ""},
      {gitea(), "X-Hub-Signature-256", "sha256="},  {bitbucket(), "X-Hub-Signature", "sha256="},
      {generic(), "X-Signature-256", "sha256="},
  };
  for (const Case& one : cases) {
    const std::string right = one.prefix + kDigest;
    const std::vector<Fields> hopeless = {
        {},
        {{one.header, ""}},
        {{one.header, one.prefix}},
        {{one.header, right}, {one.header, right}},
        {{one.header, right.substr(0, right.size() - 2)}},
        {{one.header, right + "0"}},
        {{one.header, "sha1=" + kDigest.substr(0, 40)}},
        {{one.header, "sha1=" + kDigest}},
        {{one.header, one.prefix + std::string(64, 'g')}},
        {{one.header, one.prefix.empty() ? "sha256=" + kDigest : kDigest}},
        {{"X-Something", right}},
    };
    for (const Fields& fields : hopeless) {
      EXPECT_NE(begin(one.forge, fields, {Secret(kSecret)})->problem(), "") << one.header;
      EXPECT_EQ(signer(one.forge, fields), -1) << one.header;
    }
    const Fields wrong{{one.header, one.prefix + std::string(64, '0')}};
    EXPECT_EQ(begin(one.forge, wrong, {Secret(kSecret)})->problem(), "") << one.header;
    EXPECT_EQ(signer(one.forge, wrong), -1) << one.header;
    EXPECT_EQ(signer(one.forge, {{one.header, right}}, {Secret("other")}), -1) << one.header;
    EXPECT_EQ(signer(one.forge, {{one.header, right}}, {}), -1) << one.header;
    EXPECT_EQ(signer(one.forge, {{one.header, right}}, {Secret(kSecret)}, kBody + " "), -1);
  }
}

TEST(GiteaSignatures, AreThoseOfTheFirstHeaderThatIsThere) {
  // Without a secret it sends its headers with nothing in them.
  EXPECT_EQ(signer(gitea(), {{"X-Gitea-Signature", ""}, {"X-Gogs-Signature", kDigest}}), -1);
  EXPECT_EQ(signer(gitea(), {{"X-Gogs-Signature", ""}, {"X-Gitea-Signature", kDigest}}), 1);
}

TEST(GitLabTokens, AreTheSecretToTheLetter) {
  for (const std::string& token :
       {std::string(), kSecret + " ", kSecret.substr(1), "A" + kSecret}) {
    EXPECT_EQ(signer(gitlab(), {{"X-Gitlab-Token", token}}), -1) << token;
    EXPECT_NE(begin(gitlab(), {{"X-Gitlab-Token", token}}, {Secret(kSecret)})->problem(), "");
  }
  EXPECT_EQ(signer(gitlab(), {}), -1);
  EXPECT_EQ(signer(gitlab(), {{"X-Gitlab-Token", kSecret}, {"X-Gitlab-Token", kSecret}}), -1);
  EXPECT_EQ(signer(gitlab(), {{"X-Gitlab-Token", ""}}, {Secret("")}), -1) << "an unreadable secret";
  EXPECT_EQ(signer(gitlab(), {{"X-Gitlab-Token", kSecret}}, {}), -1);
}

Fields standard(const std::string& signatures, WallTime at = kNow,
                const std::string& id = "msg_1") {
  return {{"webhook-id", id},
          {"webhook-timestamp", std::to_string(to_unix_millis(at) / 1000)},
          {"webhook-signature", signatures}};
}

std::string standard_signature(WallTime at = kNow, const std::string& id = "msg_1") {
  const Sha256 digest =
      hmac_sha256(kKey, id + "." + std::to_string(to_unix_millis(at) / 1000) + "." + kBody);
  return "v1," + to_base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

int standard_signer(const Fields& fields, const std::vector<Secret>& secrets = {
                                              Secret("a token"), Secret(kSigningSecret)}) {
  return signer(gitlab(), fields, secrets);
}

TEST(StandardWebhooks, AreSignedOverIdTimeAndBody) {
  const std::string right = standard_signature();
  const std::string other = "v1," + to_base64(std::string(32, 'x'));
  EXPECT_EQ(standard_signer(standard(right)), 1);
  EXPECT_EQ(standard_signer(standard(other + " " + right)), 1);
  EXPECT_EQ(standard_signer(standard("v1a,c29tZXRoaW5n " + right + " v2,x")), 1);
  EXPECT_EQ(standard_signer(standard(other)), -1);
  EXPECT_EQ(standard_signer(standard(right, kNow, "msg_2")), -1);
  EXPECT_EQ(standard_signer(standard(right, kNow + 1s)), -1);
  EXPECT_EQ(standard_signer(standard(right), {Secret(kKey)}), -1) << "a key has a prefix";
  EXPECT_EQ(standard_signer(standard(right), {}), -1);
}

TEST(StandardWebhooks, AreTakenForFiveMinutes) {
  for (const auto& [offset, result] : {std::pair(300s, 1), {-300s, 1}, {301s, -1}, {-301s, -1}}) {
    EXPECT_EQ(standard_signer(standard(standard_signature(kNow + offset), kNow + offset)), result)
        << offset.count();
  }
}

TEST(StandardWebhooks, OfAnotherFormAreKnownBeforeTheBody) {
  const std::string right = standard_signature();
  const auto changed = [&](std::size_t which, const std::string& value) {
    Fields fields = standard(right);
    fields[which].second = value;
    return fields;
  };
  std::vector<Fields> hopeless = {
      changed(0, ""),
      changed(1, ""),
      changed(1, "now"),
      changed(1, "-1"),
      changed(1, "1790000000.0"),
      changed(1, " 1790000000"),
      changed(1, std::string(30, '9')),
      changed(2, ""),
      changed(2, " "),
      changed(2, right.substr(3)),
      changed(2, "v1," + to_base64("short")),
      changed(2, "v1,!" + right.substr(4)),
      changed(2, "v2" + right.substr(2)),
  };
  for (std::size_t which = 0; which < 3; ++which) {
    Fields missing = standard(right);
    missing.erase(missing.begin() + static_cast<std::ptrdiff_t>(which));
    hopeless.push_back(missing);
    Fields doubled = standard(right);
    doubled.push_back(doubled[which]);
    hopeless.push_back(doubled);
  }
  for (const Fields& fields : hopeless) {
    EXPECT_NE(begin(gitlab(), fields, {Secret(kSigningSecret)})->problem(), "")
        << testing::PrintToString(fields);
    EXPECT_EQ(standard_signer(fields), -1) << testing::PrintToString(fields);
  }
}

TEST(StandardWebhooks, NeedAKeyOfTwentyFourToSixtyFourBytes) {
  const auto with_key = [](std::size_t size) {
    const std::string key(size, 'k');
    const Sha256 digest = hmac_sha256(key, "msg_1.1790000000." + kBody);
    const std::string value =
        "v1," + to_base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
    return standard_signer(standard(value), {Secret("whsec_" + to_base64(key))});
  };
  EXPECT_EQ(with_key(23), -1);
  EXPECT_EQ(with_key(24), 0);
  EXPECT_EQ(with_key(64), 0);
  EXPECT_EQ(with_key(65), -1);
}

TEST(GitLabTokens, CountBesideASignatureThatFitsNoSecret) {
  Fields both = standard(standard_signature());
  both.emplace_back("X-Gitlab-Token", kSecret);
  EXPECT_EQ(signer(gitlab(), both, {Secret(kSecret)}), 0);
  EXPECT_EQ(signer(gitlab(), both, {Secret(kSigningSecret)}), 0);
  EXPECT_EQ(signer(gitlab(), both, {Secret("another")}), -1);
}

TEST(BodyDigests, AreThereWhereTheSignatureCoversTheBodyAlone) {
  const auto digest = [](const Forge& forge, const Fields& fields, const std::string& secret) {
    const auto check = begin(forge, fields, {Secret(secret)});
    check->update(kBody);
    EXPECT_TRUE(check->finish());
    return check->body_digest();
  };
  EXPECT_EQ(digest(github(), {{"X-Hub-Signature-256", "sha256=" + kDigest}}, kSecret),
            hmac_sha256(kSecret, kBody));
  EXPECT_EQ(digest(gitlab(), standard(standard_signature()), kSigningSecret), std::nullopt);
  EXPECT_EQ(digest(gitlab(), {{"X-Gitlab-Token", kSecret}}, kSecret), std::nullopt);
}

}  // namespace
}  // namespace freshet::webhook
