#include "remote/index_pack.h"

#include "base/files.h"
#include "base/subprocess.h"
#include "remote/git_errors.h"
#include "remote/git_output.h"
#include "remote/object_flaws.h"

namespace freshet::remote {
namespace {

std::string strictness() {
  std::string option = "--strict=";
  for (const char* id : kHarmlessFlaws) {
    option += std::string(id) + "=ignore,";
  }
  option.pop_back();
  return option;
}

ChildSpec index_pack_child(const IndexPackSpec& spec, const GitEnvironment& environment, int pack) {
  ChildSpec child;
  child.arguments = {"git", "--git-dir=" + spec.mirror,
                     // Maps of packs count as memory that is asked for.
                     "-c", "core.packedGitWindowSize=32m", "-c", "core.packedGitLimit=256m",
                     // Larger files are hashed as they pass, not held.
                     "-c", "core.bigFileThreshold=64m"};
  if (!spec.shallow_file.empty()) {
    child.arguments.insert(child.arguments.end(), {"--shallow-file", spec.shallow_file});
  }
  child.arguments.insert(child.arguments.end(),
                         {"index-pack", "-v", "--stdin", "--fix-thin", strictness(),
                          "--check-self-contained-and-connected"});
  if (spec.largest_pack > 0) {
    child.arguments.push_back("--max-input-size=" + std::to_string(spec.largest_pack));
  }
  child.environment = environment.variables();
  child.environment.emplace_back("MALLOC_ARENA_MAX=2");  // each may ask for 64 MiB and use little
  child.directory = spec.mirror;
  child.input_descriptor = pack;
  child.ends_with_input = true;
  child.memory_limit = spec.memory_limit;
  child.time_limit = spec.time_limit;
  if (spec.lock_descriptor >= 0) {
    child.descriptors.push_back(spec.lock_descriptor);
  }
  if (spec.on_progress) {
    child.on_error_line = [&spec](std::string_view line) {
      if (const auto progress = parse_progress(line)) {
        spec.on_progress(*progress);
      }
    };
  }
  return child;
}

/// "pack<tab>NAME".
std::optional<std::string> pack_name(std::string_view output) {
  constexpr std::string_view kBefore = "pack\t";
  constexpr std::size_t kDigits = 40;
  if (!output.starts_with(kBefore)) {
    return std::nullopt;
  }
  const auto id = ObjectId::parse(output.substr(kBefore.size(), kDigits));
  return id ? std::optional(id->hex()) : std::nullopt;
}

Error explain(const ChildResult& result, const IndexPackSpec& spec) {
  if (result.error_text.find("exceeds maximum allowed size") != std::string::npos) {
    return {ErrorClass::config, "the upstream's pack is larger than limits.fetch_size",
            std::nullopt};
  }
  if (result.error_text.find("ut of memory") != std::string::npos ||
      result.error_text.find("mmap failed") != std::string::npos) {
    return {ErrorClass::corrupt,
            "the upstream's pack holds an object that needs more than " +
                std::to_string(spec.memory_limit >> 20U) + " MiB of memory",
            std::nullopt};
  }
  Error error = explain_git_failure(result);
  constexpr int kUsage = 129;
  if (result.end == ChildResult::End::exited && result.status == kUsage) {
    error.error_class = ErrorClass::internal;
    return error;
  }
  // Whatever it did not like is about the bytes that came.
  if (error.error_class == ErrorClass::protocol) {
    error.error_class = ErrorClass::corrupt;
  }
  return error;
}

/// What an ended child leaves can be as large as the repository.
void remove_unfinished(const std::string& mirror) {
  const std::string directory = mirror + "/objects/pack/";
  for (const std::string& name : list_directory(directory).value_or(std::vector<std::string>())) {
    if (name.starts_with("tmp_")) {
      static_cast<void>(remove_tree(directory + name));
    }
  }
}

}  // namespace

Result<IndexedPack> run_index_pack(const IndexPackSpec& spec, const GitEnvironment& environment,
                                   UniqueFd pack, const CancelToken& cancel) {
  const ChildSpec child = index_pack_child(spec, environment, pack.get());
  const auto result = run_child(child, cancel);
  pack.reset();
  if (result && result->end == ChildResult::End::exited && result->status <= 1) {
    // Status 1 with a name: the pack is fine and leans on what was there before.
    if (auto name = pack_name(result->output)) {
      return IndexedPack{*std::move(name), result->status == 0};
    }
  }
  remove_unfinished(spec.mirror);
  return fail(result ? explain(*result, spec) : result.error());
}

}  // namespace freshet::remote
