#include "cli/daemon_access.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/command.h"
#include "cli/output.h"
#include "config/load.h"
#include "config/suggest.h"

namespace freshet::cli {

std::optional<app::AdminClient> find_daemon(const std::string& config_file) {
  const config::Loaded loaded = config::load_file(config_file);
  if (loaded.settings) {
    return app::AdminClient(loaded.settings->admin);
  }
  const config::Diagnostic& first = loaded.diagnostics.front();
  if (first.line == 0) {
    print_message(config::to_text(first));
    return std::nullopt;
  }
  const app::AdminClient client(loaded.admin.value_or(config::default_settings().admin));
  print_message(fmt::format("{} has errors, which `freshet check` shows; asking the daemon at {}{}",
                            config_file, client.address(),
                            loaded.admin ? "" : ", the default address"));
  return client;
}

int complain(const app::AdminClient::Answer& answer) {
  const std::string& message = answer.body["error"]["message"].text();
  print_message(message.empty() ? fmt::format("the daemon answered with status {}", answer.status)
                                : message);
  if (answer.status == 401) {
    print_message("the token is that of token_file in [admin]; the daemon has another one");
  }
  return exit_status_of(answer.status);
}

void print_answer(const Global& global, const std::string& name,
                  const app::AdminClient::Answer& answer) {
  if (global.json) {
    Json line = answer.body;
    line.set("repository", name);
    print_json(line);
  } else if (exit_status_of(answer.status) == kDone) {
    const Json& result = answer.body["result"];
    print_line(name + ": " + (result.is_null() ? answer.body["status"] : result).text());
  } else {
    print_refusal(name, answer);
  }
}

void print_refusal(const std::string& name, const app::AdminClient::Answer& answer) {
  const Json& error = answer.body["error"];
  print_message(name + ": " + error["code"].text() + ": " + error["message"].text());
  if (!error["advice"].is_null()) {
    print_message(error["advice"].text());
  }
}

std::optional<std::vector<std::string>> repository_names(const app::AdminClient& client,
                                                         int& status) {
  const auto answer = client.get("/repositories");
  if (!answer || answer->status != 200) {
    status = answer ? complain(*answer) : complain_unreachable(answer.error());
    return std::nullopt;
  }
  std::vector<std::string> names;
  for (const Json& repository : answer->body["repositories"].items()) {
    names.push_back(repository["name"].text());
  }
  std::sort(names.begin(), names.end());
  return names;
}

int check_names(const app::AdminClient& client, const std::vector<std::string>& names) {
  int status = kDone;
  const auto known = repository_names(client, status);
  if (!known) {
    return status;
  }
  for (const std::string& name : names) {
    if (!std::binary_search(known->begin(), known->end(), name)) {
      print_message("no repository is called " + name + suggestion(name, *known));
      return kUsage;
    }
  }
  return kDone;
}

std::string suggestion(const std::string& word, const std::vector<std::string>& known) {
  constexpr std::size_t kLongest = 200;
  if (word.size() > kLongest) {
    return "";
  }
  const std::string* best = nullptr;
  std::size_t distance = std::clamp<std::size_t>(word.size() / 3, 1, 4) + 1;
  for (const std::string& candidate : known) {
    const std::size_t length = std::max(candidate.size(), word.size());
    if (length - std::min(candidate.size(), word.size()) >= distance) {
      continue;
    }
    const std::size_t edits = config::edit_distance(word, candidate);
    if (edits < distance && edits < word.size()) {
      best = &candidate;
      distance = edits;
    }
  }
  return best == nullptr ? "" : "; did you mean `" + *best + "`?";
}

}  // namespace freshet::cli
