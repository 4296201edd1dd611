#include <algorithm>

#include "app/admin_client.h"
#include "base/quantity.h"
#include "cli/command.h"
#include "cli/output.h"

namespace freshet::cli {
namespace {

struct Options {
  std::vector<std::string> names;
  bool all = false;
  bool accept_loss = false;
  std::string wait;
};

void print_answer(const Global& global, const std::string& name,
                  const app::AdminClient::Answer& answer) {
  if (global.json) {
    Json line = answer.body;
    line.set("repository", name);
    print_json(line);
  } else if (answer.status == 200) {
    print_line(name + ": " + answer.body["result"].text());
  } else if (answer.status == 202) {
    print_line(name + ": accepted");
  } else {
    const Json& error = answer.body["error"];
    print_message(name + ": " + error["code"].text() + ": " + error["message"].text());
  }
}

/// The names that are meant; nullopt, with a message: they cannot be had.
std::optional<std::vector<std::string>> names_to_refresh(const Options& options,
                                                         const config::Settings& settings) {
  std::vector<std::string> known;
  for (const config::Repository& repository : settings.repositories) {
    known.push_back(repository.name.text());
  }
  if (options.all) {
    return known;
  }
  for (const std::string& name : options.names) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      print_message("no repository is called " + name);
      return std::nullopt;
    }
  }
  return options.names;
}

int refresh(const Global& global, const Options& options) {
  const auto settings = load_or_complain(global.config_file);
  if (!settings) {
    return kUsage;
  }
  const auto patience = options.wait.empty() ? Duration(0) : parse_duration(options.wait);
  if (options.names.empty() != options.all || !patience) {
    print_message(patience ? "refresh takes either names or --all"
                           : "--wait: expected a duration such as \"30s\"");
    return kUsage;
  }
  const auto names = names_to_refresh(options, *settings);
  if (!names) {
    return kUsage;
  }
  const app::AdminClient client(settings->admin);
  std::string query = options.wait.empty() ? "" : "?wait=" + options.wait;
  if (options.accept_loss) {
    query += (query.empty() ? "?" : "&") + std::string("accept_loss=true");
  }
  int status = kDone;
  for (const std::string& name : *names) {
    const auto answer =
        client.post("/repositories/" + app::AdminClient::encode(name) + "/refresh" + query,
                    *patience + std::chrono::seconds(30));
    if (!answer) {
      return complain_unreachable(answer.error());
    }
    const bool paused = answer->status == 409 && answer->body["error"]["code"].text() == "paused";
    if (options.all && paused) {
      print_message(name + ": paused, left alone");
      continue;
    }
    print_answer(global, name, *answer);
    status = std::max(status, exit_status_of(answer->status));
  }
  return status;
}

}  // namespace

std::function<int(const Global&)> declare_refresh(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("NAME", options->names, "Repositories to refresh");
  app.add_flag("--all", options->all, "Every repository");
  app.add_flag("--wait{10m}", options->wait,
               "Wait for the result, at most this long (10m when none is given)");
  app.add_flag("--accept-loss", options->accept_loss,
               "Agree that the upstream deleted most of the followed refs");
  return [options](const Global& global) { return refresh(global, *options); };
}

}  // namespace freshet::cli
