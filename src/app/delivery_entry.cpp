#include "app/delivery_entry.h"

#include "webhook/delivery_json.h"

namespace freshet::app {

state::DeliveryEntry ledger_entry(const webhook::DeliveryRecord& record) {
  state::DeliveryEntry entry;
  entry.at = record.at;
  entry.forge = record.forge;
  entry.event = record.event;
  entry.id = record.id;
  entry.route = record.route ? record.route->text() : "";
  entry.verdict = to_string(record.verdict);
  entry.reason = record.reason;
  entry.secret = record.secret;
  entry.client = record.client;
  entry.authentic = record.verdict != webhook::Verdict::unauthorized;
  entry.repositories = record.repositories;
  for (const auto& refreshed : record.refreshed) {
    entry.refreshed.push_back({refreshed.repository, refreshed.ticket});
  }
  if (record.content) {
    entry.content = [content = record.content] { return to_json(*content).dump(); };
  }
  return entry;
}

}  // namespace freshet::app
