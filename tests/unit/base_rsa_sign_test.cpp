#include "base/rsa_sign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>

#include "support/rsa_key.h"

namespace freshet {
namespace {

using freshet::testing::rsa_key;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Rs256, SignsWithBothFormsOfAKeyFile) {
  for (const std::string& pem : {rsa_key().pkcs1(), rsa_key().pkcs8()}) {
    const auto signature = sign_rs256(Secret(pem), "message");
    ASSERT_TRUE(signature) << signature.error().message;
    EXPECT_EQ(signature->size(), 256U);
    EXPECT_TRUE(rsa_key().verifies("message", *signature));
    EXPECT_FALSE(rsa_key().verifies("another message", *signature));
  }
}

TEST(Rs256, KeyFilesReallyAreOfBothForms) {
  EXPECT_THAT(rsa_key().pkcs1(), HasSubstr("BEGIN RSA PRIVATE KEY"));
  EXPECT_THAT(rsa_key().pkcs8(), HasSubstr("BEGIN PRIVATE KEY"));
}

TEST(Rs256, RefusesWhatIsNoKeyItCanUseWithoutQuotingIt) {
  const std::string whole = rsa_key().pkcs8();
  const std::string middle = whole.substr(100, 40);
  const std::string cut = whole.substr(0, whole.size() / 2);
  for (const std::string& pem : {std::string(), std::string("no key"), cut,
                                 rsa_key().pkcs1("secret"), rsa_key().pkcs8("secret")}) {
    const auto signature = sign_rs256(Secret(pem), "message");
    ASSERT_FALSE(signature);
    EXPECT_EQ(signature.error().error_class, ErrorClass::config);
    EXPECT_THAT(signature.error().message, Not(HasSubstr(middle)));
  }
  EXPECT_EQ(ERR_peek_error(), 0U) << "nothing is left for another library to find";
}

TEST(Rs256, RefusesAKeyOfAnotherKind) {
  constexpr const char* kEd25519 =
      "-----BEGIN PRIVATE KEY-----\n"
      "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
      "-----END PRIVATE KEY-----\n";
  const auto signature = sign_rs256(Secret(kEd25519), "message");
  ASSERT_FALSE(signature);
  EXPECT_THAT(signature.error().message, HasSubstr("RSA"));
}

}  // namespace
}  // namespace freshet
