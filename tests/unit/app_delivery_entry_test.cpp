#include "app/delivery_entry.h"

#include <gtest/gtest.h>

namespace freshet::app {
namespace {

webhook::DeliveryRecord record(const std::string& text) {
  webhook::DeliveryRecord record;
  record.forge = "github";
  record.verdict = webhook::Verdict::accepted;
  record.route = RepositoryName(text);
  record.event = text;
  record.id = text;
  record.reason = text;
  record.content = std::make_shared<const webhook::Delivery>();
  return record;
}

TEST(LedgerEntry, KeepsNoMoreThan200BytesOfWhatASenderChooses) {
  const state::DeliveryEntry entry = ledger_entry(record(std::string(31'000, 'x')));
  const std::string cut(200, 'x');
  EXPECT_EQ(entry.route, cut);
  EXPECT_EQ(entry.event, cut);
  EXPECT_EQ(entry.id, cut);
  EXPECT_EQ(entry.reason, cut);
}

TEST(LedgerEntry, KeepsNoContentBehindARouteThatWasCut) {
  EXPECT_FALSE(ledger_entry(record(std::string(201, 'x'))).content);
  EXPECT_TRUE(ledger_entry(record(std::string(200, 'x'))).content);
}

TEST(LedgerEntry, CutsBetweenCharacters) {
  std::string text(198, 'x');
  for (int i = 0; i < 10; ++i) {
    text += "\xf0\x9f\x8c\x8a";
  }
  EXPECT_EQ(ledger_entry(record(text)).event, std::string(198, 'x'));
  text.insert(0, "xx");
  EXPECT_EQ(ledger_entry(record(text)).event, "xx" + std::string(198, 'x'));
}

}  // namespace
}  // namespace freshet::app
