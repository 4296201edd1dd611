#include "webhook/delivery_json.h"

#include <gtest/gtest.h>

#include <string>

#include "support/payloads.h"
#include "webhook/forge.h"

namespace freshet::webhook {
namespace {

TEST(DeliveryJson, BringsBackWhatADeliverySays) {
  const auto read = [](const Forge& forge, const char* event, const char* name) {
    return *read_delivery(forge, event, payload(name));
  };
  for (const Delivery& delivery :
       {read(github(), "push", "github_push"), read(gitlab(), "Push Hook", "gitlab_delete"),
        read(bitbucket(), "repo:push", "bitbucket_repo_push"),
        read(github(), "repository", "github_repository_renamed"),
        read(generic(), "", "generic_push"), Delivery::ping(),
        Delivery::ignore("for \"reasons\"")}) {
    const auto again = Json::parse(to_json(delivery).dump());
    ASSERT_TRUE(again);
    const auto back = delivery_from_json(*again);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, delivery) << again->dump();
  }
}

TEST(DeliveryJson, StaysSmallAndThenConcernsAnyRef) {
  Delivery delivery;
  delivery.kind = Delivery::Kind::refs_changed;
  delivery.repository.full_names = {"acme/docs"};
  delivery.repository.urls.assign(100, std::string(100, 'u'));
  for (int i = 0; i < 1000; ++i) {
    delivery.changes.push_back({RefName("refs/heads/" + std::to_string(i)),
                                ObjectId::parse(std::string(64, 'a')),
                                ObjectId::parse(std::string(64, 'b'))});
  }
  const std::string text = to_json(delivery).dump();
  EXPECT_LT(text.size(), 12'000U);
  const auto back = delivery_from_json(*Json::parse(text));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->kind, Delivery::Kind::repository_changed);
  EXPECT_EQ(back->repository.full_names, delivery.repository.full_names);
  ASSERT_FALSE(back->changes.empty());
  EXPECT_EQ(back->changes[0], delivery.changes[0]);

  delivery.changes = {{RefName("refs/heads/" + std::string(4000, 'x')), {}, {}}};
  const auto one = delivery_from_json(to_json(delivery));
  ASSERT_TRUE(one);
  EXPECT_EQ(one->kind, Delivery::Kind::repository_changed);
}

TEST(DeliveryJson, RefusesWhatItDidNotMake) {
  for (const char* text :
       {"{}", "null", R"({"kind":"other"})", R"({"kind":"refs_changed","changes":[{"ref":"a b"}]})",
        R"({"kind":"refs_changed","changes":[{"ref":"refs/heads/x","after":"7"}]})"}) {
    const auto delivery = delivery_from_json(*Json::parse(text));
    ASSERT_FALSE(delivery) << text;
    EXPECT_EQ(delivery.error().error_class, ErrorClass::corrupt);
  }
}

}  // namespace
}  // namespace freshet::webhook
