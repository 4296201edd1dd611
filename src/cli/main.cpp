#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <iostream>

#include "cli/command.h"
#include "cli/daemon_access.h"
#include "cli/output.h"

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

/// The first argument that is no option, which has to be a command; nullptr: there is none.
const char* command_of(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--config") {
      ++i;
    } else if (!argument.starts_with('-')) {
      return argv[i];
    }
  }
  return nullptr;
}

/// kDone, or a message was printed: there is no such command.
int check_command(const char* given) {
  std::vector<std::string> known;
  known.reserve(kCommands.size());
  for (const Command& command : kCommands) {
    known.emplace_back(command.name);
  }
  if (given == nullptr || std::find(known.begin(), known.end(), given) != known.end()) {
    return kDone;
  }
  print_message("there is no command " + std::string(given) + suggestion(given, known) +
                " (`freshet --help` lists them)");
  return kUsage;
}

/// On a command of its own too, so that its help shows them.
void add_common_options(CLI::App& app, Global& global) {
  app.add_option("--config", global.config_file, "Configuration file")
      ->type_name("FILE")
      ->capture_default_str()
      ->group("Common options");
  app.add_flag("--json", global.json, "Print results as JSON")->group("Common options");
}

/// Says what is wrong with the arguments, for which option of that command, and where to read on.
void complain_of_usage(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  const CLI::App& command = chosen.empty() ? app : *chosen.front();
  const std::string name = chosen.empty() ? "freshet" : "freshet " + command.get_name();
  std::vector<std::string> known;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& one : option->get_lnames()) {
      known.push_back("--" + one);
    }
  }
  const std::vector<std::string> extras = app.remaining(true);
  const bool option = !extras.empty() && extras.front().starts_with("--");
  const std::string guess =
      option ? suggestion(extras.front().substr(0, extras.front().find('=')), known) : "";
  print_message(std::string(error.what()) + guess + " (`" + name + " --help` shows what it takes)");
}

int run(int argc, char** argv) {
  CLI::App app("Keeps local checkouts and mirrors of git repositories fresh", "freshet");
  app.set_version_flag("--version", std::string("freshet " FRESHET_VERSION));
  app.require_subcommand(1);
  app.fallthrough();
  Global global;
  add_common_options(app, global);

  std::function<int(const Global&)> chosen;
  for (const Command& command : kCommands) {
    CLI::App* sub = app.add_subcommand(command.name, command.description);
    add_common_options(*sub, global);
    sub->callback([&chosen, run_command = command.declare(*sub)] { chosen = run_command; });
  }
  if (argc == 1) {
    std::cerr << app.help();
    return kUsage;
  }
  if (const int status = check_command(command_of(argc, argv)); status != kDone) {
    return status;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // help and version are no errors
      app.exit(error, std::cout, std::cerr);
      return kDone;
    }
    complain_of_usage(app, error);
    return kUsage;
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

/// This process holds secrets: nobody but root may look into its memory or be left a core file of
/// it, be it a program of the same user. Children are as they would be.
void close_memory() {
  ::prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
}

}  // namespace

int main(int argc, char** argv) {
  // Large request bodies go back to the system as soon as they are freed.
  ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  raise_descriptor_limit();
  close_memory();
  // What is published is 0644 and 0755, whoever starts this.
  ::umask(022);  // NOLINT(concurrency-mt-unsafe): no threads yet
  ::signal(SIGPIPE, SIG_IGN);
  try {
    return freshet::cli::run(argc, argv);
  } catch (const std::exception& exception) {
    std::cerr << "freshet: " << exception.what() << "\n";
    return freshet::cli::kRefreshFailed;
  }
}
