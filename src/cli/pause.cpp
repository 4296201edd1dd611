// `freshet pause` and `freshet resume`.
#include <algorithm>

#include "cli/command.h"
#include "cli/daemon_access.h"
#include "cli/output.h"

namespace freshet::cli {
namespace {

struct Options {
  std::vector<std::string> names;
};

/// `action`: the last part of the route.
int switch_all(const Global& global, const Options& options, const std::string& action) {
  const auto client = find_daemon(global.config_file);
  if (!client) {
    return kUsage;
  }
  int status = kDone;
  for (const std::string& name : options.names) {
    const auto answer = client->post(
        "/repositories/" + app::AdminClient::encode(name) + "/" + action, std::chrono::seconds(30));
    if (!answer) {
      return complain_unreachable(answer.error());
    }
    if (answer->status == 404) {
      check_names(*client, {name});  // says what was probably meant
    } else {
      print_answer(global, name, *answer);
    }
    status = std::max(status, exit_status_of(answer->status));
  }
  return status;
}

std::function<int(const Global&)> declare(CLI::App& app, const std::string& what,
                                          const std::string& action) {
  const auto options = std::make_shared<Options>();
  app.add_option("NAME", options->names, what)->required();
  return [options, action](const Global& global) { return switch_all(global, *options, action); };
}

}  // namespace

std::function<int(const Global&)> declare_pause(CLI::App& app) {
  return declare(app, "Repositories to pause, until they are resumed", "pause");
}

std::function<int(const Global&)> declare_resume(CLI::App& app) {
  return declare(app, "Repositories to resume", "resume");
}

}  // namespace freshet::cli
