#include "base/quantity.h"
#include "cli/command.h"
#include "cli/daemon_access.h"
#include "cli/output.h"
#include "cli/waiting_line.h"

namespace freshet::cli {
namespace {

struct Options {
  std::string name;
  std::string commit;
  std::string timeout = "10m";
};

void print_answer(const Global& global, const Options& options,
                  const app::AdminClient::Answer& answer) {
  if (global.json) {
    print_json(answer.body);
  } else if (answer.status == 200) {
    print_line(options.name + ": " + answer.body["commit"].text() + " is published");
  } else {
    print_refusal(options.name, answer);
  }
}

int wait(const Global& global, const Options& options) {
  const auto patience = parse_duration(options.timeout);
  if (!patience) {
    print_message("--timeout: expected a duration such as \"30s\"");
    return kUsage;
  }
  const bool hexadecimal =
      options.commit.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
  if (!hexadecimal || (options.commit.size() != 40 && options.commit.size() != 64)) {
    print_message("--commit: expected the full hash of a commit, as `git rev-parse` prints it");
    return kUsage;
  }
  const auto client = find_daemon(global.config_file);
  const int known = client ? check_names(*client, {options.name}) : kUsage;
  if (known != kDone) {
    return known;
  }
  const Json body = Json::object({{"commit", options.commit}, {"wait", options.timeout}});
  WaitingLine waiting("waiting for " + options.name);
  const auto answer =
      client->post("/repositories/" + app::AdminClient::encode(options.name) + "/ensure",
                   *patience + std::chrono::seconds(30), body.dump());
  waiting.clear();
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
