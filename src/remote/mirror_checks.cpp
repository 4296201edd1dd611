#include "remote/mirror_checks.h"

#include <algorithm>
#include <string_view>

#include "base/subprocess.h"
#include "remote/git_errors.h"

namespace freshet::remote {
namespace {

ChildSpec git_child(const FetchRequest& request, std::vector<std::string> arguments,
                    const std::vector<ObjectId>& input, const GitEnvironment& environment) {
  ChildSpec child;
  child.arguments = {"git", "--git-dir=" + request.mirror, "-c", "core.packedGitWindowSize=32m",
                     "-c",  "core.packedGitLimit=256m"};
  child.arguments.insert(child.arguments.end(), arguments.begin(), arguments.end());
  child.environment = environment.variables();
  child.directory = request.mirror;
  child.memory_limit = request.memory_limit;
  if (request.limits.total > Duration(0)) {
    child.time_limit = request.limits.total;
  }
  if (request.lock_descriptor >= 0) {
    child.descriptors.push_back(request.lock_descriptor);
  }
  for (const ObjectId& id : input) {
    child.input += id.hex() + "\n";
  }
  return child;
}

}  // namespace

Result<void> check_connected(const FetchRequest& request, const std::vector<ObjectId>& tips,
                             const std::string& shallow_file, const GitEnvironment& environment,
                             const CancelToken& cancel) {
  std::vector<std::string> arguments;
  if (!shallow_file.empty()) {
    arguments.insert(arguments.end(), {"--shallow-file", shallow_file});
  }
  arguments.insert(arguments.end(),
                   {"rev-list", "--objects", "--stdin", "--not", "--all", "--quiet"});
  const ChildSpec child = git_child(request, std::move(arguments), tips, environment);
  FRESHET_TRY(const ChildResult result, run_child(child, cancel));
  if (result.succeeded()) {
    return {};
  }
  Error error = explain_git_failure(result);
  if (result.end == ChildResult::End::exited) {
    error.error_class = ErrorClass::corrupt;
    error.message = "what the upstream sent is not complete: " + error.message;
  }
  return fail(std::move(error));
}

Result<std::set<ObjectId>> find_objects(const FetchRequest& request,
                                        const std::vector<ObjectId>& ids,
                                        const GitEnvironment& environment,
                                        const CancelToken& cancel) {
  std::set<ObjectId> found;
  if (ids.empty()) {
    return found;
  }
  const ChildSpec child =
      git_child(request, {"cat-file", "--buffer", "--batch-check=%(objectname)"}, ids, environment);
  FRESHET_TRY(const ChildResult result, run_child(child, cancel));
  if (!result.succeeded()) {
    return fail(explain_git_failure(result));
  }
  for (std::string_view rest = result.output; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    // "ID", or "ID missing".
    if (auto id = ObjectId::parse(rest.substr(0, end))) {
      found.insert(*std::move(id));
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return found;
}

}  // namespace freshet::remote
