#include "remote/git_program.h"

#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "remote/git_errors.h"
#include "remote/git_output.h"
#include "remote/object_flaws.h"

namespace freshet::remote {
namespace {

constexpr std::string_view kIncoming = "refs/freshet/incoming/";
/// More would make the command line long; git hears of every ref anyhow.
constexpr std::size_t kMostPatterns = 100;
/// A few bytes of a hostile pack can ask for gigabytes. Maps of packs count as well.
constexpr std::uint64_t kLeastMemory = std::uint64_t{4} << 30U;

/// Where a fetch puts what it brings: never where readers of the mirror look.
std::string incoming_name(const FetchRequest::Want& want) {
  if (want.ref.empty()) {
    return std::string(kIncoming) + "objects/" + want.id.hex();
  }
  return std::string(kIncoming) + want.ref.text().substr(std::string_view("refs/").size());
}

/// A server must not lead us to a weaker transport than the one the operator chose.
std::string_view transports(const UpstreamUrl& url) {
  switch (url.transport()) {
    case UpstreamUrl::Transport::https:
      return "https";
    case UpstreamUrl::Transport::http:
      return "http:https";
    case UpstreamUrl::Transport::ssh:
      return "ssh";
    case UpstreamUrl::Transport::git:
      return "git";
    case UpstreamUrl::Transport::file:
      break;
  }
  return "file";
}

void set(std::vector<std::string>& environment, const std::string& name, std::string_view value) {
  std::erase_if(environment,
                [&](const std::string& entry) { return entry.starts_with(name + "="); });
  environment.push_back(name + "=" + std::string(value));
}

void configure(std::vector<std::string>& arguments, const std::string& setting) {
  arguments.emplace_back("-c");
  arguments.push_back(setting);
}

bool is_shallow(const std::string& mirror) {
  return path_exists(mirror + "/shallow");
}

/// "refs/tags/a" of ours against "refs/tags/a/b" of theirs, or the other way round.
bool is_tag_in_the_way(const ChildResult& result) {
  return result.end == ChildResult::End::exited &&
         result.error_text.find("cannot lock ref 'refs/tags/") != std::string::npos;
}

/// What an ended child leaves can be as large as the repository. Nobody else fetches into it.
void remove_unfinished_packs(const std::string& mirror) {
  const std::string directory = mirror + "/objects/pack/";
  for (const std::string& name : list_directory(directory).value_or(std::vector<std::string>())) {
    if (name.starts_with("tmp_")) {
      static_cast<void>(remove_tree(directory + name));
    }
  }
}

}  // namespace

std::uint64_t git_memory_limit() {
  const auto pages = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES)));
  const auto page = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PAGESIZE)));
  return std::max(kLeastMemory, pages * page / 4 * 3);
}

GitProgram::GitProgram(UpstreamUrl url, const GitEnvironment& environment)
    : GitProgram(std::move(url), environment, SignIn()) {}

GitProgram::GitProgram(UpstreamUrl url, const GitEnvironment& environment, SignIn sign_in)
    : url_(std::move(url)),
      guarded_(environment),
      sign_in_(std::move(sign_in)),
      memory_limit_(git_memory_limit()) {
  set(environment_, "GIT_ALLOW_PROTOCOL", transports(url_));
  // A partial clone as upstream would otherwise fetch what it lacks from where its own
  // configuration says.
  set(environment_, "GIT_NO_LAZY_FETCH", "1");
}

Result<GitLogin> GitProgram::give_login(ChildSpec& spec, const CancelToken& cancel) const {
  GitLogin login;
  if (sign_in_.credentials != nullptr) {
    FRESHET_TRY(login,
                GitLogin::find(*sign_in_.credentials, url_, sign_in_.control_directory, cancel));
  }
  const std::vector<std::string> own = std::move(spec.environment);
  login.give_to(spec, guarded_);
  for (const std::string& entry : own) {
    const std::size_t equals = entry.find('=');
    set(spec.environment, entry.substr(0, equals), entry.substr(equals + 1));
  }
  return login;
}

Result<ChildResult> GitProgram::ask_upstream(ChildSpec& spec, const CancelToken& cancel) const {
  const std::vector<std::string> own = spec.environment;
  const std::vector<int> descriptors = spec.descriptors;
  for (bool again = false;; again = true) {
    FRESHET_TRY(const GitLogin login, give_login(spec, cancel));
    FRESHET_TRY(ChildResult result, run_child(spec, cancel));
    if (result.succeeded() || again || !login.http_login()) {
      return result;
    }
    const ErrorClass reason = explain_git_failure(result).error_class;
    const bool refused = reason == ErrorClass::auth || reason == ErrorClass::not_found;
    if (!refused || !sign_in_.credentials->rejected(url_, *login.http_login())) {
      return result;
    }
    spec.environment = own;
    spec.descriptors = descriptors;
  }
}

ChildSpec GitProgram::child(std::vector<std::string> arguments, const TimeLimits& limits) const {
  ChildSpec spec;
  spec.arguments = {"git"};
  configure(spec.arguments, "core.packedGitWindowSize=64m");
  configure(spec.arguments, "core.packedGitLimit=1g");
  if (limits.silence > Duration(0)) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(limits.silence).count();
    configure(spec.arguments, "http.lowSpeedLimit=1");
    configure(spec.arguments, "http.lowSpeedTime=" + std::to_string(seconds));
    spec.silence_limit = limits.silence;
  }
  if (limits.total > Duration(0)) {
    spec.time_limit = limits.total;
  }
  spec.arguments.insert(spec.arguments.end(), arguments.begin(), arguments.end());
  spec.environment = environment_;
  spec.memory_limit = memory_limit_;
  return spec;
}

Result<Advertisement> GitProgram::list_refs(const std::vector<RefPattern>& patterns,
                                            const TimeLimits& limits, const CancelToken& cancel) {
  std::vector<std::string> arguments{"ls-remote", "--symref", "--", url_.text()};
  if (patterns.size() <= kMostPatterns) {
    for (const RefPattern& pattern : patterns) {
      arguments.push_back(pattern.text);
    }
  }
  ChildSpec spec = child(std::move(arguments), limits);
  spec.directory = "/";  // no repository of somebody's must be found around it
  FRESHET_TRY(const ChildResult result, ask_upstream(spec, cancel));
  if (!result.succeeded()) {
    return fail(explain_git_failure(result));
  }
  if (result.output.empty()) {
    FRESHET_CHECK(check_empty(limits, cancel));
  }
  return parse_ref_listing(result.output, patterns);
}

/// Whatever a web server or a proxy answers to the first request without an error ("please log
/// in"), git takes for a repository without refs on a server without git. Believed, that would
/// empty the mirror: so the words of a real git server have to be seen.
Result<void> GitProgram::check_empty(const TimeLimits& limits, const CancelToken& cancel) const {
  if (url_.transport() != UpstreamUrl::Transport::http &&
      url_.transport() != UpstreamUrl::Transport::https) {
    return {};
  }
  ChildSpec spec = child({"ls-remote", "--", url_.text(), "HEAD"}, limits);
  spec.directory = "/";
  set(spec.environment, "GIT_TRACE_PACKET", "1");
  bool is_git = false;
  spec.on_error_line = [&](std::string_view line) {
    is_git = is_git || line.find("# service=git-upload-pack") != std::string_view::npos ||
             line.find("< version 2") != std::string_view::npos;
  };
  FRESHET_TRY(const ChildResult result, ask_upstream(spec, cancel));
  if (!result.succeeded()) {
    return fail(explain_git_failure(result));
  }
  if (!is_git) {
    return fail(ErrorClass::protocol,
                "the upstream answers, but not as a git server does; is the URL right?");
  }
  return {};
}

std::vector<std::string> GitProgram::fetch_arguments(const FetchRequest& request, Tags tags) const {
  std::vector<std::string> arguments;
  configure(arguments, "fetch.fsckObjects=true");
  for (const char* problem : kHarmlessFlaws) {
    configure(arguments, "fetch.fsck." + std::string(problem) + "=ignore");
  }
  arguments.insert(arguments.end(), {"--git-dir=" + request.mirror, "fetch", "--atomic", "--force",
                                     "--progress", "--no-auto-maintenance", "--no-write-fetch-head",
                                     "--no-recurse-submodules", "--update-shallow"});
  if (tags == Tags::leave) {
    arguments.emplace_back("--no-tags");
  }
  if (request.depth > 0) {
    arguments.push_back("--depth=" + std::to_string(request.depth));
  } else if (is_shallow(request.mirror)) {
    arguments.emplace_back("--unshallow");
  }
  arguments.insert(arguments.end(), {"--stdin", "--", url_.text()});
  return arguments;
}

Result<ChildResult> GitProgram::run_fetch(const FetchRequest& request, Tags tags,
                                          const CancelToken& cancel) const {
  ChildSpec spec = child(fetch_arguments(request, tags), request.limits);
  spec.directory = request.mirror;
  if (request.lock_descriptor >= 0) {
    spec.descriptors.push_back(request.lock_descriptor);
  }
  for (const FetchRequest::Want& want : request.wants) {
    const std::string source = want.ref.empty() ? want.id.hex() : want.ref.text();
    spec.input += "+" + source + ":" + incoming_name(want) + "\n";
  }
  spec.on_error_line = [&](std::string_view line) {
    const auto progress = parse_progress(line);
    if (progress && progress->phase == "receiving" && line.ends_with("done.")) {
      // Nothing more is to come from the upstream; checking a long history takes minutes and is
      // silent. run_child looks at the limit each time anew.
      spec.silence_limit.reset();
    }
    if (progress && request.on_progress) {
      request.on_progress(*progress);
    }
  };
  return ask_upstream(spec, cancel);
}

Result<FetchReport> GitProgram::fetch(const FetchRequest& request, const CancelToken& cancel) {
  FRESHET_TRY(ChildResult result, run_fetch(request, Tags::follow, cancel));
  if (!result.succeeded() && is_tag_in_the_way(result)) {
    FRESHET_TRY(result, run_fetch(request, Tags::leave, cancel));
  }
  if (!result.succeeded()) {
    remove_unfinished_packs(request.mirror);
    return fail(explain_git_failure(result));
  }
  return read_incoming(request, cancel);
}

Result<FetchReport> GitProgram::read_incoming(const FetchRequest& request,
                                              const CancelToken& cancel) const {
  ChildSpec spec = child({"--git-dir=" + request.mirror, "for-each-ref",
                          "--format=%(objectname) %(refname)", std::string(kIncoming)},
                         request.limits);
  spec.directory = request.mirror;
  spec.environment = guarded_.variables();
  FRESHET_TRY(const ChildResult result, run_child(spec, cancel));
  if (!result.succeeded()) {
    return fail(explain_git_failure(result));
  }
  const std::map<std::string, ObjectId> incoming = parse_local_refs(result.output);
  FetchReport report;
  for (const FetchRequest::Want& want : request.wants) {
    const auto position = incoming.find(incoming_name(want));
    if (position == incoming.end()) {
      return fail(ErrorClass::protocol,
                  "git did not bring " + (want.ref.empty() ? want.id.hex() : want.ref.text()));
    }
    if (!want.ref.empty()) {
      report.refs.emplace(want.ref, position->second);
    }
  }
  return report;
}

}  // namespace freshet::remote
