#include "base/spawn.h"

#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace freshet {
namespace {

class Actions {
 public:
  Actions() { ::posix_spawn_file_actions_init(&actions_); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  ~Actions() { ::posix_spawn_file_actions_destroy(&actions_); }
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

class Attributes {
 public:
  Attributes() { ::posix_spawnattr_init(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }
  posix_spawnattr_t* get() { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

void lay_out_descriptors(const SpawnSpec& spec, Actions& actions) {
  ::posix_spawn_file_actions_adddup2(actions.get(), spec.input, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(actions.get(), spec.output, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(actions.get(), spec.error, STDERR_FILENO);
  // Ascending, so that none is overwritten before its turn.
  std::vector<int> kept = spec.descriptors;
  std::sort(kept.begin(), kept.end());
  int next = STDERR_FILENO + 1;
  for (const int descriptor : kept) {
    ::posix_spawn_file_actions_adddup2(actions.get(), descriptor, next++);
  }
  ::posix_spawn_file_actions_addclosefrom_np(actions.get(), next);
}

void set_attributes(Attributes& attributes) {
  sigset_t none;
  ::sigemptyset(&none);
  sigset_t defaults;
  ::sigemptyset(&defaults);
  for (const int number : {SIGPIPE, SIGTERM, SIGINT, SIGHUP}) {
    ::sigaddset(&defaults, number);
  }
  ::posix_spawnattr_setsigmask(attributes.get(), &none);
  ::posix_spawnattr_setsigdefault(attributes.get(), &defaults);
  ::posix_spawnattr_setpgroup(attributes.get(), 0);
  ::posix_spawnattr_setflags(
      attributes.get(), POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

}  // namespace

Result<pid_t> spawn(const SpawnSpec& spec) {
  Actions actions;
  lay_out_descriptors(spec, actions);
  if (!spec.directory.empty()) {
    ::posix_spawn_file_actions_addchdir_np(actions.get(), spec.directory.c_str());
  }
  Attributes attributes;
  set_attributes(attributes);
  const std::string program = find_program(spec.arguments.front(), spec.environment);
  const std::vector<char*> arguments = as_pointers(spec.arguments);
  const std::vector<char*> environment = as_pointers(spec.environment);
  pid_t pid = 0;
  const int code = ::posix_spawn(&pid, program.c_str(), actions.get(), attributes.get(),
                                 arguments.data(), environment.data());
  if (code != 0) {
    return fail(system_error(code, "cannot run " + spec.arguments.front()));
  }
  if (spec.memory_limit > 0) {
    // It has begun already, but has not asked for much yet.
    const rlimit limit{spec.memory_limit, spec.memory_limit};
    ::prlimit(pid, RLIMIT_AS, &limit, nullptr);
  }
  return pid;
}

std::string find_program(const std::string& name, const std::vector<std::string>& environment) {
  if (name.find('/') != std::string::npos) {
    return name;
  }
  std::string_view path = "/usr/local/bin:/usr/bin:/bin";
  for (const std::string& entry : environment) {
    if (entry.starts_with("PATH=")) {
      path = std::string_view(entry).substr(5);
    }
  }
  while (!path.empty()) {
    const std::size_t end = std::min(path.find(':'), path.size());
    std::string candidate = std::string(path.substr(0, end)) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return name;
}

std::vector<char*> as_pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const std::string& text : texts) {
    result.push_back(const_cast<char*>(text.c_str()));  // NOLINT: execve does not write
  }
  result.push_back(nullptr);
  return result;
}

}  // namespace freshet
