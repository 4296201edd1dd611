#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace freshet {

/// A program to start in a process group of its own. It inherits nothing else.
struct SpawnSpec {
  std::vector<std::string> arguments;    ///< the program (found by PATH of `environment`) first
  std::vector<std::string> environment;  ///< "NAME=value", complete
  std::string directory;                 ///< working directory; empty: ours
  int input = -1;                        ///< its standard input, output and error
  int output = -1;
  int error = -1;
  std::vector<int> descriptors;    ///< stay open in it, under numbers from 3 on
  std::uint64_t memory_limit = 0;  ///< RLIMIT_AS in bytes; 0: none
};

/// Starts it by posix_spawn(3), which costs the same however large this process is. The caller
/// reaps it. Nothing ends it when this process dies: for programs that end by themselves when their
/// standard input does. Error: it cannot be started. Any thread.
Result<pid_t> spawn(const SpawnSpec& spec);

/// Where the program of that name is, by the PATH of an environment; the name when it is nowhere.
std::string find_program(const std::string& name, const std::vector<std::string>& environment);

/// A list as execve(2) takes it. The texts must outlive it and stay where they are.
std::vector<char*> as_pointers(const std::vector<std::string>& texts);

}  // namespace freshet
