#include "app/admin_client.h"
#include "cli/command.h"
#include "cli/output.h"

namespace freshet::cli {
namespace {

std::string text_or(const Json& value, const char* otherwise) {
  return value.is_null() ? otherwise : value.text();
}

std::vector<std::string> row_of(const Json& repository) {
  const auto& checkouts = repository["checkouts"].items();
  const std::string commit = checkouts.empty() ? "" : checkouts.front()["commit"].text();
  return {repository["name"].text(), repository["state"].text(),
          commit.empty() ? "-" : commit.substr(0, 12), text_or(repository["last_success"], "never"),
          text_or(repository["last_error"]["message"], "")};
}

std::vector<std::vector<std::string>> rows_of_webhook(const Json& webhook) {
  std::vector<std::vector<std::string>> rows{
      {"last delivery", text_or(webhook["last_delivery"], "never")}};
  const Json& times = webhook["announce_to_publish"];
  if (!times.is_null()) {
    rows.push_back({"announce to publish", times["last"].dump() + " s; worst of " +
                                               times["count"].dump() + " in an hour " +
                                               times["worst"].dump() + " s"});
  }
  for (const Json& secret : webhook["secrets"].items()) {
    rows.push_back(
        {"secret " + secret["file"].text(), "last used " + text_or(secret["last_use"], "never")});
  }
  return rows;
}

void print_repository(const Json& repository) {
  std::vector<std::vector<std::string>> rows{
      {"name", repository["name"].text()},
      {"url", repository["url"].text()},
      {"state", repository["state"].text()},
      {"last success", text_or(repository["last_success"], "never")},
      {"last change", text_or(repository["last_change"], "never")},
      {"next poll", text_or(repository["next_poll"], "when triggered")}};
  for (auto& row : rows_of_webhook(repository["webhook"])) {
    rows.push_back(std::move(row));
  }
  if (repository["state"].text() == "lagging") {
    rows.push_back({"lagging", "the upstream does not show yet what was announced"});
  }
  for (const Json& checkout : repository["checkouts"].items()) {
    rows.push_back({"checkout path", checkout["path"].text()});
    rows.push_back({"checkout ref", checkout["ref"].text()});
    rows.push_back({"checkout commit", text_or(checkout["commit"], "not published yet")});
    for (const Json& what : checkout["unsupported"].items()) {
      rows.push_back({"unsupported", what.text()});
    }
  }
  print_table(rows);
  const Json& error = repository["last_error"];
  if (!error.is_null()) {
    print_line("failing (" + error["class"].text() + ") since " + error["since"].text() + ": " +
               error["message"].text());
  }
}

int status(const Global& global, const std::string& name) {
  const auto settings = load_or_complain(global.config_file);
  if (!settings) {
    return kUsage;
  }
  const app::AdminClient client(settings->admin);
  const auto answer =
      client.get("/repositories" + (name.empty() ? "" : "/" + app::AdminClient::encode(name)));
  if (!answer) {
    return complain_unreachable(answer.error());
  }
  if (answer->status != 200) {
    print_message(answer->body["error"]["message"].text());
    return answer->status == 404 ? kUsage : kUnreachable;
  }
  if (global.json) {
    print_json(answer->body);
  } else if (!name.empty()) {
    print_repository(answer->body);
  } else {
    std::vector<std::vector<std::string>> rows{{"NAME", "STATE", "COMMIT", "LAST SUCCESS", ""}};
    for (const Json& repository : answer->body["repositories"].items()) {
      rows.push_back(row_of(repository));
    }
    print_table(rows);
  }
  return kDone;
}

}  // namespace

std::function<int(const Global&)> declare_status(CLI::App& app) {
  const auto name = std::make_shared<std::string>();
  app.add_option("NAME", *name, "One repository in detail");
  return [name](const Global& global) { return status(global, *name); };
}

}  // namespace freshet::cli
