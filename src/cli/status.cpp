#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "cli/age.h"
#include "cli/command.h"
#include "cli/daemon_access.h"
#include "cli/output.h"
#include "cli/style.h"

namespace freshet::cli {
namespace {

std::string text_or(const Json& value, const char* otherwise) {
  return value.is_null() ? otherwise : value.text();
}

/// What a time that the daemon does not know says: what is published was so when it started.
const char* unknown_time(const Json& repository) {
  const auto& checkouts = repository["checkouts"].items();
  const bool published = std::any_of(checkouts.begin(), checkouts.end(),
                                     [](const Json& one) { return !one["commit"].is_null(); });
  return published ? "before the start" : "never";
}

// All repositories

std::vector<std::string> row_of(const Json& repository) {
  const auto& checkouts = repository["checkouts"].items();
  const std::string commit = checkouts.empty() ? "" : checkouts.front()["commit"].text();
  return {repository["name"].text(), repository["state"].text(),
          commit.empty() ? "-" : commit.substr(0, 12),
          age_or_time(repository["last_success"], unknown_time(repository)),
          text_or(repository["last_error"]["message"], "")};
}

/// "12 repositories: 10 ok, 1 failing, 1 paused"
std::string summary_of(const Json::Array& repositories) {
  std::map<std::string, std::size_t> counts;
  for (const Json& repository : repositories) {
    ++counts[repository["state"].text()];
  }
  std::string text = count_of(repositories.size(), "repository", "repositories");
  const char* separator = ": ";
  for (const char* state :
       {"ok", "refreshing", "pending", "lagging", "failing", "held", "paused"}) {
    if (counts[state] > 0) {
      text += fmt::format("{}{} {}", separator, counts[state], state);
      separator = ", ";
    }
  }
  return text;
}

/// What is wrong with the daemon as a whole. One of an earlier version does not say.
void print_overview(const app::AdminClient& client, const Style& style) {
  const auto answer = client.get("/status");
  if (!answer || answer->status != 200) {
    return;
  }
  const Json& reload = answer->body["configuration"]["last_reload"];
  if (reload["successful"].boolean().value_or(true)) {
    return;
  }
  print_styled(style(
      Colour::red,
      fmt::format("{} could not be reloaded {}; the old configuration stays in force",
                  answer->body["configuration"]["file"].text(), age_or_time(reload["at"], ""))));
  for (const Json& problem : reload["problems"].items()) {
    print_line("  " + problem.text());
  }
}

void print_all(const app::AdminClient& client, const Json& body) {
  const Style style(STDOUT_FILENO);
  Json::Array repositories = body["repositories"].items();
  std::sort(repositories.begin(), repositories.end(),
            [](const Json& a, const Json& b) { return a["name"].text() < b["name"].text(); });
  print_line(summary_of(repositories));
  print_overview(client, style);
  if (repositories.empty()) {
    return;
  }
  Rows rows{{"NAME", "STATE", "COMMIT", "LAST SUCCESS", "LAST ERROR"}};
  for (const Json& repository : repositories) {
    rows.push_back(row_of(repository));
  }
  print_table(
      fit_table(std::move(rows), terminal_width(STDOUT_FILENO)),
      [&](std::size_t row, std::size_t column, const std::string& text) {
        return row == 0 ? style(Colour::bold, text) : column == 1 ? style.state(text) : text;
      });
}

// One repository

void add_webhook(Rows& rows, const Json& webhook) {
  rows.push_back({"last delivery", age_and_time(webhook["last_delivery"], "never")});
  const Json& times = webhook["announce_to_publish"];
  if (!times.is_null()) {
    rows.push_back({"announce to publish", times["last"].dump() + " s; worst of " +
                                               times["count"].dump() + " in an hour " +
                                               times["worst"].dump() + " s"});
  }
  for (const Json& secret : webhook["secrets"].items()) {
    rows.push_back({"secret " + secret["file"].text(),
                    "last used " + age_and_time(secret["last_use"], "never")});
  }
}

void add_checkouts(Rows& rows, const Json& checkouts) {
  for (const Json& checkout : checkouts.items()) {
    rows.push_back({"checkout path", checkout["path"].text()});
    rows.push_back({"checkout ref", checkout["ref"].text()});
    rows.push_back({"checkout commit", text_or(checkout["commit"], "not published yet")});
    for (const Json& what : checkout["unsupported"].items()) {
      rows.push_back({"unsupported", what.text()});
    }
  }
}

void print_repository(const Json& repository) {
  const Style style(STDOUT_FILENO);
  const std::string& state = repository["state"].text();
  const std::string& name = repository["name"].text();
  Rows rows{{"name", name},
            {"url", repository["url"].text()},
            {"state", state},
            {"last success", age_and_time(repository["last_success"], unknown_time(repository))},
            {"last change", age_and_time(repository["last_change"], unknown_time(repository))},
            {"next poll", age_and_time(repository["next_poll"], "when triggered")}};
  if (state == "paused") {
    rows.push_back({"paused", age_and_time(repository["paused_since"], "") + "; `freshet resume " +
                                  name + "` goes on"});
  } else if (state == "lagging") {
    rows.push_back({"lagging", "the upstream does not show yet what was announced"});
  }
  add_webhook(rows, repository["webhook"]);
  add_checkouts(rows, repository["checkouts"]);
  print_table(rows, [&](std::size_t, std::size_t column, const std::string& text) {
    return column == 1 && text == state ? style.state(text) : text;
  });
  const Json& error = repository["last_error"];
  if (!error.is_null()) {
    print_styled(style(Colour::red, "failing (" + error["class"].text() + ")") +
                 style(Colour::plain, " since " + age_and_time(error["since"], "now") + ": " +
                                          error["message"].text()));
    if (!error["advice"].is_null()) {
      print_line(error["advice"].text());
    }
  }
}

int status(const Global& global, const std::string& name) {
  const auto client = find_daemon(global.config_file);
  if (!client) {
    return kUsage;
  }
  const auto answer =
      client->get("/repositories" + (name.empty() ? "" : "/" + app::AdminClient::encode(name)));
  if (!answer) {
    return complain_unreachable(answer.error());
  }
  if (answer->status == 404) {
    const int known = check_names(*client, {name});
    return known == kDone ? complain(*answer) : known;
  }
  if (answer->status != 200) {
    return complain(*answer);
  }
  if (global.json) {
    print_json(answer->body);
  } else if (name.empty()) {
    print_all(*client, answer->body);
  } else {
    print_repository(answer->body);
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
