#include <fmt/format.h>

#include <thread>

#include "cli/command.h"
#include "cli/daemon_access.h"
#include "cli/output.h"

namespace freshet::cli {
namespace {

constexpr std::chrono::milliseconds kBetweenLooks{50};
constexpr std::chrono::seconds kPatience{3};

void print_answer(const Json& answer) {
  std::string line = answer["verdict"].text();
  for (const Json& repository : answer["repositories"].items()) {
    line += " " + repository.text();
  }
  if (!answer["reason"].is_null()) {
    line += ": " + answer["reason"].text();
  }
  print_line(line);
  if (const auto number = answer["recorded_as"].integer()) {
    print_message(fmt::format("the replay is delivery {} of `freshet deliveries`", *number));
  }
}

std::int64_t newest_number(const app::AdminClient& client) {
  const auto answer = client.get("/deliveries?limit=1");
  const auto& deliveries = answer ? answer->body["deliveries"].items() : Json::Array();
  return deliveries.empty() ? 0 : deliveries.front()["number"].integer().value_or(0);
}

/// The row that the replay got in the ledger, which is written a moment after the answer; null: it
/// did not show in time.
Json row_after(const app::AdminClient& client, std::int64_t before, const Json& id) {
  for (const Instant end = now() + kPatience; now() < end;) {
    const auto answer = client.get("/deliveries?limit=100&after=" + std::to_string(before));
    if (!answer || answer->status != 200) {
      return {};
    }
    for (const Json& delivery : answer->body["deliveries"].items()) {
      if (delivery["id"].text() == id.text()) {
        return delivery["number"];
      }
    }
    std::this_thread::sleep_for(kBetweenLooks);
  }
  return {};
}

/// As it was copied from a table that was cut to a terminal.
std::string without_cut(const std::string& id) {
  constexpr std::string_view kCut = "…";
  return id.ends_with(kCut) ? id.substr(0, id.size() - kCut.size()) : id;
}

int replay(const Global& global, const std::string& given) {
  const std::string id = without_cut(given);
  if (id.empty() || id.starts_with('/') || id.ends_with('/') ||
      id.find("//") != std::string::npos) {
    // No path can hold it.
    print_message("the id " + id +
                  " cannot be asked for; give the delivery's number, the first "
                  "column of `freshet deliveries`");
    return kUsage;
  }
  const auto client = find_daemon(global.config_file);
  if (!client) {
    return kUsage;
  }
  const std::int64_t before = newest_number(*client);
  const auto answer = client->post("/deliveries/" + app::AdminClient::encode(id) + "/replay",
                                   std::chrono::seconds(30));
  if (!answer) {
    return complain_unreachable(answer.error());
  }
  if (answer->status != 202) {
    const int status = complain(*answer);
    // What cannot be replayed is as wrong an ID as one that does not exist.
    return answer->status == 409 ? kUsage : status;
  }
  Json body = answer->body;
  body.set("recorded_as", row_after(*client, before, body["id"]));
  if (global.json) {
    print_json(body);
  } else {
    print_answer(body);
  }
  return kDone;
}

}  // namespace

std::function<int(const Global&)> declare_replay(CLI::App& app) {
  const auto id = std::make_shared<std::string>();
  app.add_option(
         "ID", *id,
         "The delivery's id, its beginning, or its number, as `freshet deliveries` shows it")
      ->required();
  return [id](const Global& global) { return replay(global, *id); };
}

}  // namespace freshet::cli
