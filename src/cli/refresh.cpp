#include <algorithm>

#include "base/quantity.h"
#include "cli/command.h"
#include "cli/daemon_access.h"
#include "cli/output.h"
#include "cli/waiting_line.h"

namespace freshet::cli {
namespace {

constexpr Duration kLongestWait = std::chrono::hours(1);  ///< as the daemon has it

struct Options {
  std::vector<std::string> names;
  bool all = false;
  bool accept_loss = false;
  std::string wait;
};

/// With --all, who is paused is left alone and is no failure.
bool is_paused(const app::AdminClient::Answer& answer) {
  return answer.status == 409 && answer.body["error"]["code"].text() == "paused";
}

int refresh_all(const Global& global, const Options& options, const app::AdminClient& client,
                const std::vector<std::string>& names, Duration patience) {
  std::string query = options.wait.empty() ? "" : "?wait=" + options.wait;
  if (options.accept_loss) {
    query += (query.empty() ? "?" : "&") + std::string("accept_loss=true");
  }
  int status = kDone;
  for (const std::string& name : names) {
    WaitingLine waiting(options.wait.empty() ? "" : "waiting for " + name);
    const auto answer =
        client.post("/repositories/" + app::AdminClient::encode(name) + "/refresh" + query,
                    patience + std::chrono::seconds(30));
    if (!answer) {
      return complain_unreachable(answer.error());
    }
    waiting.clear();
    if (options.all && is_paused(*answer)) {
      print_message(name + " is paused and left alone");
      continue;
    }
    print_answer(global, name, *answer);
    status = std::max(status, exit_status_of(answer->status));
  }
  return status;
}

int refresh(const Global& global, const Options& options) {
  const auto patience = options.wait.empty() ? Duration(0) : parse_duration(options.wait);
  if (!patience || *patience > kLongestWait) {
    print_message("--wait: expected a duration of at most 1h such as \"30s\"");
    return kUsage;
  }
  if (options.names.empty() != options.all) {
    print_message(options.all ? "refresh takes either names or --all, not both"
                              : "refresh what? Name repositories (`freshet status` lists them), or "
                                "give --all");
    return kUsage;
  }
  const auto client = find_daemon(global.config_file);
  if (!client) {
    return kUsage;
  }
  int status = kDone;
  std::vector<std::string> names = options.names;
  if (options.all) {
    auto every = repository_names(*client, status);
    names = every ? std::move(*every) : names;
  } else {
    status = check_names(*client, names);
  }
  return status == kDone ? refresh_all(global, options, *client, names, *patience) : status;
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
