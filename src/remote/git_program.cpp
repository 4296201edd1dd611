#include "remote/git_program.h"

#include <algorithm>
#include <charconv>

#include "remote/git_errors.h"

namespace freshet::remote {
namespace {

constexpr std::string_view kIncoming = "refs/freshet/incoming/";

/// Where a fetch puts what it brings: never where readers of the mirror look.
std::string incoming_name(const FetchRequest::Want& want) {
  if (want.ref.empty()) {
    return std::string(kIncoming) + "objects/" + want.id.hex();
  }
  return std::string(kIncoming) + want.ref.text().substr(std::string_view("refs/").size());
}

std::vector<std::string> git(std::initializer_list<std::string> arguments) {
  std::vector<std::string> result{"git"};
  result.insert(result.end(), arguments);
  return result;
}

std::optional<std::uint64_t> number_at(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end != text.data() ? std::optional(value) : std::nullopt;
}

/// Cuts the next line off.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace

Result<Advertisement> parse_ref_listing(std::string_view output,
                                        const std::vector<RefPattern>& patterns) {
  Advertisement answer;
  while (!output.empty()) {
    const std::string_view line = take_line(output);
    const std::size_t tab = line.find('\t');
    const std::string_view name = line.substr(std::min(tab + 1, line.size()));
    if (tab == std::string_view::npos || name.empty()) {
      return fail(ErrorClass::protocol, "git listed refs in an unknown form");
    }
    if (line.starts_with("ref: ")) {
      if (name == "HEAD") {
        answer.default_branch = parse_ref(line.substr(5, tab - 5));
      }
      continue;
    }
    const auto id = ObjectId::parse(line.substr(0, tab));
    if (!id) {
      return fail(ErrorClass::protocol, "git listed refs in an unknown form");
    }
    const auto ref = parse_ref(name);
    if (name == "HEAD") {
      answer.head = *id;
    } else if (ref && std::any_of(patterns.begin(), patterns.end(), [&](const RefPattern& pattern) {
                 return pattern.matches(*ref);
               })) {
      answer.refs.emplace(*ref, *id);
    }
  }
  return answer;
}

std::optional<Progress> parse_progress(std::string_view line) {
  Progress progress;
  if (line.starts_with("Receiving objects:")) {
    progress.phase = "receiving";
  } else if (line.starts_with("Resolving deltas:")) {
    progress.phase = "resolving";
  } else {
    return std::nullopt;
  }
  const std::size_t open = line.find('(');
  const std::size_t slash = line.find('/', std::min(open, line.size()));
  if (open == std::string_view::npos || slash == std::string_view::npos) {
    return std::nullopt;
  }
  const auto done = number_at(line.substr(open + 1));
  const auto total = number_at(line.substr(slash + 1));
  if (!done || !total) {
    return std::nullopt;
  }
  progress.objects = *done;
  progress.total_objects = *total;
  return progress;
}

ChildSpec GitProgram::child(std::vector<std::string> arguments, const TimeLimits& limits) const {
  ChildSpec spec;
  spec.arguments = std::move(arguments);
  spec.environment = environment_.variables();
  if (limits.total > Duration(0)) {
    spec.time_limit = limits.total;
  }
  if (limits.silence > Duration(0)) {
    spec.silence_limit = limits.silence;
  }
  return spec;
}

Result<Advertisement> GitProgram::list_refs(const std::vector<RefPattern>& patterns,
                                            const TimeLimits& limits, const CancelToken& cancel) {
  std::vector<std::string> arguments = git({"ls-remote", "--symref", "--", url_.text()});
  for (const RefPattern& pattern : patterns) {
    arguments.push_back(pattern.text);
  }
  ChildSpec spec = child(std::move(arguments), limits);
  spec.directory = "/";  // no repository of somebody's must be found around it
  FRESHET_TRY(const ChildResult result, run_child(spec, cancel));
  if (!result.succeeded()) {
    return fail(explain_git_failure(result));
  }
  return parse_ref_listing(result.output, patterns);
}

Result<FetchReport> GitProgram::fetch(const FetchRequest& request, const CancelToken& cancel) {
  std::vector<std::string> arguments =
      git({"--git-dir=" + request.mirror, "fetch", "--atomic", "--force", "--progress",
           "--no-auto-maintenance", "--no-write-fetch-head", "--no-recurse-submodules"});
  if (request.depth > 0) {
    arguments.push_back("--depth=" + std::to_string(request.depth));
  }
  arguments.insert(arguments.end(), {"--stdin", "--", url_.text()});
  ChildSpec spec = child(std::move(arguments), request.limits);
  spec.directory = request.mirror;
  if (request.lock_descriptor >= 0) {
    spec.descriptors.push_back(request.lock_descriptor);
  }
  for (const FetchRequest::Want& want : request.wants) {
    const std::string source = want.ref.empty() ? want.id.hex() : want.ref.text();
    spec.input += "+" + source + ":" + incoming_name(want) + "\n";
  }
  if (request.on_progress) {
    spec.on_error_line = [&](std::string_view line) {
      if (const auto progress = parse_progress(line)) {
        request.on_progress(*progress);
      }
    };
  }
  FRESHET_TRY(const ChildResult result, run_child(spec, cancel));
  if (!result.succeeded()) {
    return fail(explain_git_failure(result));
  }
  return read_incoming(request, cancel);
}

Result<FetchReport> GitProgram::read_incoming(const FetchRequest& request,
                                              const CancelToken& cancel) const {
  ChildSpec spec = child(git({"--git-dir=" + request.mirror, "for-each-ref",
                              "--format=%(objectname)%09%(refname)", std::string(kIncoming)}),
                         request.limits);
  spec.directory = request.mirror;
  FRESHET_TRY(const ChildResult result, run_child(spec, cancel));
  if (!result.succeeded()) {
    return fail(explain_git_failure(result));
  }
  std::map<std::string, ObjectId> incoming;
  for (std::string_view rest = result.output; !rest.empty();) {
    const std::string_view line = take_line(rest);
    const std::size_t tab = std::min(line.find('\t'), line.size());
    if (const auto id = ObjectId::parse(line.substr(0, tab))) {
      incoming.emplace(line.substr(std::min(tab + 1, line.size())), *id);
    }
  }
  FetchReport report;
  for (const FetchRequest::Want& want : request.wants) {
    const auto position = incoming.find(incoming_name(want));
    if (position == incoming.end()) {
      return fail(ErrorClass::protocol, "git did not bring " + want.ref.text());
    }
    if (!want.ref.empty()) {
      report.refs.emplace(want.ref, position->second);
    }
  }
  return report;
}

}  // namespace freshet::remote
