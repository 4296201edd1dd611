#include "admin/views.h"

#include <gtest/gtest.h>

namespace freshet::admin {
namespace {

using namespace std::chrono_literals;

const WallTime kNoon = from_unix_millis(1'700'000'000'000);

state::DeliveredRefresh refresh(const std::string& result) {
  return {"docs", result, {}, {}, {}, {}, {}};
}

TEST(DeliveryViews, SayWhatAPersonHasToKnowFirst) {
  state::DeliveryRow row;
  EXPECT_TRUE(result_of(row).is_null());
  row.refreshes = {refresh("unchanged")};
  EXPECT_EQ(result_of(row).text(), "unchanged");
  for (const char* worse : {"updated", "waiting", "failed"}) {
    row.refreshes.push_back(refresh(worse));
    EXPECT_EQ(result_of(row).text(), worse);
  }
}

TEST(DeliveryViews, HaveNullForWhatIsNotKnown) {
  const Json shown = view(state::DeliveryRow());
  for (const char* field :
       {"id", "forge", "event", "route", "reason", "secret", "client", "result"}) {
    EXPECT_TRUE(shown[field].is_null()) << field;
  }
  EXPECT_TRUE(shown["refreshes"].is_array());
  EXPECT_TRUE(shown["repositories"].is_array());
}

TEST(DeliveryViews, ShowAnErrorAndTheTimeToThePublish) {
  state::DeliveryRow row;
  row.refreshes = {refresh("failed"), refresh("updated")};
  row.refreshes[0].error_class = "network";
  row.refreshes[0].error = "no route";
  row.refreshes[1].announce_to_publish = 0.2503999;
  const Json shown = view(row);
  const auto& refreshes = shown["refreshes"].items();
  EXPECT_EQ(refreshes[0]["error"]["class"].text(), "network");
  EXPECT_EQ(refreshes[0]["error"]["message"].text(), "no route");
  EXPECT_EQ(refreshes[0]["error"]["advice"].text(), traits(ErrorClass::network).advice);
  EXPECT_TRUE(refreshes[1]["error"].is_null());
  EXPECT_EQ(refreshes[1]["announce_to_publish_seconds"].dump(), "0.25");
}

TEST(DeliveryViews, OfferAReplayOnlyOfWhatWasAuthenticAndIsKept) {
  state::DeliveryRow row;
  EXPECT_EQ(view(row)["replayable"].boolean(), false);
  row.has_content = true;
  EXPECT_EQ(view(row)["replayable"].boolean(), false);
  row.authentic = true;
  EXPECT_EQ(view(row)["replayable"].boolean(), true);
}

TEST(RepositoryViews, ShowTheWebhookWithItsSecretsAndTimes) {
  state::RepositoryState state;
  EXPECT_EQ(view(state, {})["webhook"].dump(),
            R"({"last_delivery":null,"missed":0,"announce_to_publish":null,"secrets":[]})");
  state.last_delivery = kNoon;
  state.announce_to_publish.observe(kNoon, state::Seconds(0.1234));
  const Json webhook = view(state, {{"/etc/new", std::nullopt}, {"/etc/old", kNoon}})["webhook"];
  EXPECT_EQ(webhook["announce_to_publish"].dump(), R"({"last":0.123,"worst":0.123,"count":1})");
  EXPECT_EQ(webhook["secrets"].dump(),
            R"([{"file":"/etc/new","last_use":null},)"
            R"({"file":"/etc/old","last_use":"2023-11-14T22:13:20.000Z"}])");
}

}  // namespace
}  // namespace freshet::admin
