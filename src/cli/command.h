#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace freshet::cli {

/// What every command gets.
struct Global {
  std::string config_file = "/etc/freshet/freshet.toml";
  bool json = false;
};

/// Exit statuses of the contract.
enum ExitStatus { kDone = 0, kRefreshFailed = 1, kUsage = 2, kUnreachable = 3, kTimedOut = 4 };

/// One subcommand: declares its options on `app` and returns what runs once they are read.
struct Command {
  const char* name;
  const char* description;
  std::function<int(const Global&)> (*declare)(CLI::App& app);
};

/// The table of commands, in the order of the help text. One file a command, or a pair.
std::function<int(const Global&)> declare_serve(CLI::App& app);
std::function<int(const Global&)> declare_mirror(CLI::App& app);
std::function<int(const Global&)> declare_sync(CLI::App& app);
std::function<int(const Global&)> declare_check(CLI::App& app);
std::function<int(const Global&)> declare_status(CLI::App& app);
std::function<int(const Global&)> declare_refresh(CLI::App& app);
std::function<int(const Global&)> declare_pause(CLI::App& app);
std::function<int(const Global&)> declare_resume(CLI::App& app);
std::function<int(const Global&)> declare_wait(CLI::App& app);
std::function<int(const Global&)> declare_deliveries(CLI::App& app);
std::function<int(const Global&)> declare_replay(CLI::App& app);
std::function<int(const Global&)> declare_explain(CLI::App& app);

}  // namespace freshet::cli
