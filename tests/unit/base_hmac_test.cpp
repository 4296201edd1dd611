#include "base/hmac.h"

#include <gtest/gtest.h>

#include <set>

namespace freshet {
namespace {

struct Vector {
  std::string key;
  std::string message;
  const char* digest;
};

/// RFC 4231, section 4. Case 5 is cut to 128 bits there.
std::vector<Vector> rfc4231() {
  std::string counting;
  for (char c = 1; c <= 25; ++c) {
    counting += c;
  }
  return {
      {std::string(20, '\x0b'), "Hi There",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {counting, std::string(50, '\xcd'),
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {std::string(20, '\x0c'), "Test With Truncation", "a3b6167473100ee06e0c796c2955552b"},
      {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {std::string(131, '\xaa'),
       "This is a test using a larger than block-size key and a larger than block-size data. The "
       "key needs to be hashed before being used by the HMAC algorithm.",
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
}

TEST(Hmac, IsThatOfRfc4231) {
  for (const Vector& vector : rfc4231()) {
    const std::string digest = to_hex(hmac_sha256(vector.key, vector.message));
    EXPECT_EQ(digest.substr(0, std::string_view(vector.digest).size()), vector.digest);
  }
}

TEST(Hmac, IsTheSameHoweverTheMessageIsCut) {
  const std::string message(1000, 'x');
  const Sha256 whole = hmac_sha256("key", message);
  for (const std::size_t piece : {1U, 7U, 63U, 64U, 65U, 999U}) {
    HmacSha256 hmac("key");
    for (std::size_t i = 0; i < message.size(); i += piece) {
      hmac.update(std::string_view(message).substr(i, piece));
      hmac.update("");
    }
    EXPECT_EQ(hmac.finish(), whole) << piece;
  }
}

TEST(Hmac, GoesOnInAnotherObjectAfterAMove) {
  HmacSha256 first("key");
  first.update("one ");
  HmacSha256 second(std::move(first));
  second.update("two");
  EXPECT_EQ(second.finish(), hmac_sha256("key", "one two"));
}

TEST(Hmac, TakesKeysAndMessagesWithNulBytes) {
  using namespace std::string_view_literals;
  EXPECT_NE(hmac_sha256("a\0b"sv, "m"), hmac_sha256("a"sv, "m"));
  EXPECT_NE(hmac_sha256("k", "a\0b"sv), hmac_sha256("k", "a"sv));
}

TEST(HmacDeathTest, DoesNotWorkWithAnEmptyKey) {
  EXPECT_DEATH(hmac_sha256("", "message"), "");
}

TEST(Digests, AreThoseOfTheStandards) {
  EXPECT_EQ(to_hex(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha1("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
}

TEST(EqualityInConstantTime, IsThatOfTheBytes) {
  using namespace std::string_view_literals;
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "bbc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
  EXPECT_FALSE(equal_in_constant_time("abc", ""));
  EXPECT_FALSE(equal_in_constant_time("a\0b"sv, "a\0c"sv)) << "bytes behind a NUL count";
}

TEST(Hex, IsWrittenInLowerCaseAndReadInBoth) {
  EXPECT_EQ(to_hex("\x00\x7f\xff"), "") << "a literal ends at its first NUL";
  EXPECT_EQ(to_hex(std::string_view("\x00\x7f\xff", 3)), "007fff");
  EXPECT_EQ(from_hex("007FfF"), std::string("\x00\x7f\xff", 3));
  EXPECT_EQ(from_hex(""), "");
}

TEST(Hex, OfAnotherFormIsRefused) {
  for (const char* text : {"0", "000", "0g", "g0", "0x", " 0", "0 ", "00\n1", "-1"}) {
    EXPECT_EQ(from_hex(text), std::nullopt) << text;
  }
}

TEST(RandomBytes, AreAsManyAsAskedForAndDiffer) {
  EXPECT_EQ(random_bytes(33).size(), 33U);
  EXPECT_EQ(random_bytes(0), "");
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string text = random_hex(8);
    EXPECT_EQ(text.size(), 16U);
    EXPECT_EQ(text.find_first_not_of("0123456789abcdef"), std::string::npos);
    seen.insert(text);
  }
  EXPECT_EQ(seen.size(), 100U);
}

}  // namespace
}  // namespace freshet
