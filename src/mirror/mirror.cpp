#include "mirror/mirror.h"

#include <algorithm>

#include "base/files.h"
#include "base/subprocess.h"
#include "mirror/leftovers.h"

namespace freshet::mirror {
namespace {

constexpr std::string_view kOwn = "refs/freshet/";
constexpr std::string_view kWorkMark = "/freshet.unclean";
/// More than this many refs in one go are quicker, and safer, by git itself.
constexpr std::size_t kFew = 16;
constexpr Duration kUpdateLimit{std::chrono::minutes(10)};
/// A child of a process that was just killed may need a moment to go.
constexpr Duration kLockPatience{3'000};

struct ConfigValue {
  const char* name;
  const char* value;
};
/// No extensions.*: libgit2 refuses a repository with an extension that it does not know.
constexpr ConfigValue kConfiguration[] = {
    {"core.bare", "true"},          {"core.logallrefupdates", "false"},
    {"core.trustctime", "false"},   {"maintenance.auto", "false"},
    {"gc.worktreePruneExpire", "never"},
};

Result<void> configure(git_repository* repository) {
  git_config* raw = nullptr;
  if (git_repository_config(&raw, repository) != 0) {
    return fail(git2::last_error("cannot open the mirror's configuration"));
  }
  const git2::Config config(raw);
  for (const ConfigValue& setting : kConfiguration) {
    if (git_config_set_string(config.get(), setting.name, setting.value) != 0) {
      return fail(git2::last_error("cannot configure the mirror"));
    }
  }
  return {};
}

Result<git2::Repository> create(const std::string& path) {
  git2::initialize();
  git_repository_init_options options = GIT_REPOSITORY_INIT_OPTIONS_INIT;
  options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKPATH;
  options.mode = 0755;
  options.initial_head = "main";
  git_repository* raw = nullptr;
  if (git_repository_init_ext(&raw, path.c_str(), &options) != 0) {
    return fail(git2::last_error("cannot create the mirror " + path));
  }
  git2::Repository repository(raw);
  FRESHET_CHECK(configure(repository.get()));
  return repository;
}

}  // namespace

Mirror::Mirror(std::string path, FileLock lock, const GitEnvironment& environment,
               git2::Repository repository)
    : path_(std::move(path)),
      lock_(std::move(lock)),
      environment_(&environment),
      repository_(std::move(repository)) {}

Result<Mirror> Mirror::open_or_create(const std::string& path,
                                      const GitEnvironment& environment) {
  FRESHET_CHECK(make_directories(path));
  FRESHET_TRY(FileLock lock, FileLock::acquire(path + "/freshet.lock", kLockPatience));
  // The mark is set before creation ends, so a half-made mirror is made again.
  const std::string mark = path + std::string(kWorkMark);
  const bool is_new = !path_exists(path + "/HEAD") || !path_exists(path + "/config");
  if (!is_new && path_exists(mark)) {
    FRESHET_CHECK(remove_leftovers(path));
    FRESHET_CHECK(remove_tree(mark));
  }
  FRESHET_TRY(git2::Repository repository, is_new ? create(path) : git2::open_bare(path));
  return Mirror(path, std::move(lock), environment, std::move(repository));
}

Result<void> Mirror::begin_work() {
  const std::string mark = path_ + std::string(kWorkMark);
  return path_exists(mark) ? Result<void>() : write_new_file(mark, "");
}

void Mirror::end_work() { static_cast<void>(remove_tree(path_ + std::string(kWorkMark))); }

Result<std::map<RefName, ObjectId>> Mirror::refs() const {
  git_reference_iterator* raw = nullptr;
  if (git_reference_iterator_new(&raw, repository_.get()) != 0) {
    return fail(git2::last_error("cannot list the mirror's refs"));
  }
  const git2::ReferenceIterator iterator(raw);
  std::map<RefName, ObjectId> refs;
  for (;;) {
    git_reference* next = nullptr;
    const int status = git_reference_next(&next, iterator.get());
    if (status == GIT_ITEROVER) {
      return refs;
    }
    if (status != 0) {
      return fail(git2::last_error("cannot list the mirror's refs"));
    }
    const git2::Reference reference(next);
    const std::string_view name = git_reference_name(reference.get());
    const git_oid* target = git_reference_target(reference.get());
    if (target != nullptr && !name.starts_with(kOwn)) {
      refs.emplace(RefName(std::string(name)), git2::from_oid(*target));
    }
  }
}

Result<std::optional<ObjectId>> Mirror::find(const RefName& ref) const {
  git_oid oid{};
  const int status = git_reference_name_to_id(&oid, repository_.get(), ref.text().c_str());
  if (status == GIT_ENOTFOUND) {
    return std::nullopt;
  }
  if (status != 0) {
    return fail(git2::last_error("cannot read the ref " + ref.text()));
  }
  return git2::from_oid(oid);
}

Result<ObjectId> Mirror::peel_to_commit(const ObjectId& id) const {
  FRESHET_TRY(const git_oid oid, git2::to_oid(id));
  git_object* raw = nullptr;
  if (git_object_lookup(&raw, repository_.get(), &oid, GIT_OBJECT_ANY) != 0) {
    return fail(git2::last_error("cannot read the object " + id.hex()));
  }
  const git2::Object object(raw);
  git_object* peeled = nullptr;
  if (git_object_peel(&peeled, object.get(), GIT_OBJECT_COMMIT) != 0) {
    return fail(ErrorClass::not_found, "the object " + id.hex() + " is not a commit");
  }
  const git2::Object commit(peeled);
  return git2::from_oid(*git_object_id(commit.get()));
}

Result<void> Mirror::apply(const RefChanges& changes) {
  const bool deletes = !changes.clear_first.empty() || !changes.delete_last.empty();
  if (!deletes && changes.set.size() <= kFew) {
    return set_few(changes.set);
  }
  std::string first;
  for (const RefName& ref : changes.clear_first) {
    first += "delete " + ref.text() + "\n";
  }
  std::string set;
  for (const auto& [ref, id] : changes.set) {
    set += "update " + ref.text() + " " + id.hex() + "\n";
  }
  std::string last;
  for (const RefName& ref : changes.delete_last) {
    last += "delete " + ref.text() + "\n";
  }
  for (const std::string& commands : {first, set, last}) {
    if (!commands.empty()) {
      FRESHET_CHECK(update_by_git(commands));
    }
  }
  return {};
}

Result<void> Mirror::set_few(const std::map<RefName, ObjectId>& refs) {
  git_transaction* raw = nullptr;
  if (git_transaction_new(&raw, repository_.get()) != 0) {
    return fail(git2::last_error("cannot change the mirror's refs"));
  }
  const git2::Transaction transaction(raw);
  for (const auto& [ref, id] : refs) {
    // A ref to something that is not there would make the mirror invalid.
    FRESHET_TRY(const git_oid oid, git2::to_oid(id));
    git_object* object = nullptr;
    if (git_object_lookup(&object, repository_.get(), &oid, GIT_OBJECT_ANY) != 0) {
      return fail(git2::last_error("cannot move " + ref.text()));
    }
    git_object_free(object);
    if (git_transaction_lock_ref(transaction.get(), ref.text().c_str()) != 0 ||
        git_transaction_set_target(transaction.get(), ref.text().c_str(), &oid, nullptr,
                                   "fetch") != 0) {
      return fail(git2::last_error("cannot move " + ref.text()));
    }
  }
  if (git_transaction_commit(transaction.get()) != 0) {
    return fail(git2::last_error("cannot move the mirror's refs"));
  }
  return {};
}

Result<void> Mirror::update_by_git(const std::string& commands) {
  ChildSpec child;
  child.arguments = {"git", "--git-dir=" + path_, "update-ref", "--no-deref", "--stdin"};
  child.environment = environment_->variables();
  child.directory = path_;
  child.input = "start\n" + commands + "prepare\ncommit\n";
  child.descriptors = {lock_.descriptor()};
  child.time_limit = kUpdateLimit;
  FRESHET_TRY(const ChildResult result, run_child(child, CancelToken()));
  if (!result.succeeded()) {
    const bool full = result.error_text.find("No space left") != std::string::npos;
    return fail(full ? ErrorClass::no_space : ErrorClass::corrupt,
                "git could not move the mirror's refs: " + result.error_text);
  }
  return {};
}

Result<void> Mirror::set_head(const RefName& branch) {
  git_reference* raw = nullptr;
  if (git_reference_symbolic_create(&raw, repository_.get(), "HEAD", branch.text().c_str(), 1,
                                    nullptr) != 0) {
    return fail(git2::last_error("cannot set the mirror's HEAD"));
  }
  git_reference_free(raw);
  return {};
}

Result<std::optional<RefName>> Mirror::head() const {
  git_reference* raw = nullptr;
  const int status = git_reference_lookup(&raw, repository_.get(), "HEAD");
  if (status == GIT_ENOTFOUND) {
    return std::nullopt;
  }
  if (status != 0) {
    return fail(git2::last_error("cannot read the mirror's HEAD"));
  }
  const git2::Reference reference(raw);
  const char* target = git_reference_symbolic_target(reference.get());
  return target != nullptr ? std::optional(RefName(target)) : std::nullopt;
}

}  // namespace freshet::mirror
