#include <algorithm>

#include "app/admin_client.h"
#include "base/quantity.h"
#include "cli/command.h"
#include "cli/output.h"

namespace freshet::cli {
namespace {

struct Options {
  std::string name;
  std::string commit;
  std::string timeout = "10m";
};

bool is_configured(const config::Settings& settings, const std::string& name) {
  return std::any_of(
      settings.repositories.begin(), settings.repositories.end(),
      [&](const config::Repository& repository) { return repository.name.text() == name; });
}

void print_answer(const Global& global, const Options& options,
                  const app::AdminClient::Answer& answer) {
  if (global.json) {
    print_json(answer.body);
  } else if (answer.status == 200) {
    print_line(options.name + ": " + answer.body["commit"].text() + " is published");
  } else {
    const Json& error = answer.body["error"];
    print_message(options.name + ": " + error["code"].text() + ": " + error["message"].text());
  }
}

int wait(const Global& global, const Options& options) {
  const auto settings = load_or_complain(global.config_file);
  if (!settings) {
    return kUsage;
  }
  const auto patience = parse_duration(options.timeout);
  if (!patience) {
    print_message("--timeout: expected a duration such as \"30s\"");
    return kUsage;
  }
  if (!is_configured(*settings, options.name)) {
    print_message("no repository is called " + options.name);
    return kUsage;
  }
  const Json body = Json::object({{"commit", options.commit}, {"wait", options.timeout}});
  const auto answer =
      app::AdminClient(settings->admin)
          .post("/repositories/" + app::AdminClient::encode(options.name) + "/ensure",
                *patience + std::chrono::seconds(30), body.dump());
  if (!answer) {
    return complain_unreachable(answer.error());
  }
  print_answer(global, options, *answer);
  return exit_status_of(answer->status);
}

}  // namespace

std::function<int(const Global&)> declare_wait(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("NAME", options->name, "Repository to wait for")->required();
  app.add_option("--commit", options->commit, "Full hash; a descendant of it will do, too")
      ->required();
  app.add_option("--timeout", options->timeout, "Wait at most this long, 1h at the most")
      ->capture_default_str();
  return [options](const Global& global) { return wait(global, *options); };
}

}  // namespace freshet::cli
