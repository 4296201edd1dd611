#include "app/delivery_entry.h"

#include "webhook/delivery_json.h"

namespace freshet::app {
namespace {

/// Bytes of one text of a row: a sender chooses them, and a name in a path may be very long.
constexpr std::size_t kLongestText = 200;

/// Cut where a character of UTF-8 ends.
std::string cut(std::string_view text) {
  if (text.size() <= kLongestText) {
    return std::string(text);
  }
  std::size_t size = kLongestText;
  // No character has more than three bytes behind its first.
  for (int i = 0; i < 3 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80; ++i) {
    --size;
  }
  return std::string(text.substr(0, size));
}

}  // namespace

state::DeliveryEntry ledger_entry(const webhook::DeliveryRecord& record) {
  state::DeliveryEntry entry;
  entry.at = record.at;
  entry.forge = record.forge;
  entry.event = cut(record.event);
  entry.id = cut(record.id);
  const std::string route = record.route ? record.route->text() : "";
  entry.route = cut(route);
  entry.verdict = to_string(record.verdict);
  entry.reason = cut(record.reason);
  entry.secret = record.secret;
  entry.client = record.client;
  entry.authentic = record.verdict != webhook::Verdict::unauthorized;
  entry.repositories = record.repositories;
  for (const auto& refreshed : record.refreshed) {
    entry.refreshed.push_back({refreshed.repository, refreshed.ticket});
  }
  // A replay needs its whole route.
  if (record.content && entry.route == route) {
    entry.content = [content = record.content] { return to_json(*content).dump(); };
  }
  return entry;
}

}  // namespace freshet::app
