#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <sstream>

#include "base/visible.h"
#include "cli/command.h"

namespace freshet::cli {
namespace {

constexpr std::array<Command, 12> kCommands{{
    {"serve", "Run the daemon in the foreground", declare_serve},
    {"mirror", "Follow URL and publish it at PATH, without a configuration file", declare_mirror},
    {"sync", "Refresh repositories once, in this process", declare_sync},
    {"check", "Check the configuration and print every problem", declare_check},
    {"status", "Show what the running daemon knows", declare_status},
    {"refresh", "Make the running daemon refresh repositories now", declare_refresh},
    {"pause", "Make the running daemon leave repositories alone", declare_pause},
    {"resume", "Make the running daemon follow paused repositories again", declare_resume},
    {"wait", "Wait until the running daemon has published a commit", declare_wait},
    {"deliveries", "List the last webhook deliveries and what became of each", declare_deliveries},
    {"replay", "Make the running daemon take a delivery again", declare_replay},
    {"explain", "Say what a saved delivery would do, and why, without a daemon", declare_explain},
}};

int run(int argc, char** argv) {
  CLI::App app("Keeps local checkouts and mirrors of git repositories fresh", "freshet");
  app.set_version_flag("--version", std::string("freshet " FRESHET_VERSION));
  app.require_subcommand(1);
  app.fallthrough();
  Global global;
  app.add_option("--config", global.config_file, "Configuration file")->capture_default_str();
  app.add_flag("--json", global.json, "Print results as JSON");

  std::function<int(const Global&)> chosen;
  for (const Command& command : kCommands) {
    CLI::App* sub = app.add_subcommand(command.name, command.description);
    sub->callback([&chosen, run_command = command.declare(*sub)] { chosen = run_command; });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version are no errors; everything else is wrong usage.
    std::stringstream lines;
    const int status = app.exit(error, std::cout, lines);
    for (std::string line; std::getline(lines, line);) {
      std::cerr << visible(line) << "\n";  // it holds arguments
    }
    return status == 0 ? kDone : kUsage;
  }
  return chosen(global);
}

}  // namespace
}  // namespace freshet::cli

namespace {

/// One descriptor a connection, a few a refresh: the soft limit of a login shell is too few.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65'536);
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

}  // namespace

int main(int argc, char** argv) {
  // Large request bodies go back to the system as soon as they are freed.
  ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  raise_descriptor_limit();
  // What is published is 0644 and 0755, whoever starts this.
  ::umask(022);
  ::signal(SIGPIPE, SIG_IGN);
  try {
    return freshet::cli::run(argc, argv);
  } catch (const std::exception& exception) {
    std::cerr << "freshet: " << exception.what() << "\n";
    return freshet::cli::kRefreshFailed;
  }
}
