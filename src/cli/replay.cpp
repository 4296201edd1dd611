#include "app/admin_client.h"
#include "cli/command.h"
#include "cli/output.h"

namespace freshet::cli {
namespace {

void print_answer(const Json& answer) {
  std::string line = answer["verdict"].text();
  for (const Json& repository : answer["repositories"].items()) {
    line += " " + repository.text();
  }
  if (!answer["reason"].is_null()) {
    line += ": " + answer["reason"].text();
  }
  print_line(line);
}

int replay(const Global& global, const std::string& id) {
  const auto settings = load_or_complain(global.config_file);
  if (!settings) {
    return kUsage;
  }
  if (id.empty() || id.starts_with('/') || id.ends_with('/') ||
      id.find("//") != std::string::npos) {
    // No path can hold it.
    print_message("the id " + id +
                  " cannot be asked for; give the delivery's number, the first "
                  "column of `freshet deliveries`");
    return kUsage;
  }
  const app::AdminClient client(settings->admin);
  const auto answer = client.post("/deliveries/" + app::AdminClient::encode(id) + "/replay",
                                  std::chrono::seconds(30));
  if (!answer) {
    return complain_unreachable(answer.error());
  }
  if (answer->status != 202) {
    print_message(answer->body["error"]["message"].text());
    // What cannot be replayed is as wrong an ID as one that does not exist.
    return answer->status == 409 ? kUsage : exit_status_of(answer->status);
  }
  if (global.json) {
    print_json(answer->body);
  } else {
    print_answer(answer->body);
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
