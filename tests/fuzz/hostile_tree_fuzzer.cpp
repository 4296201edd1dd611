// Commits that no git would make, published one after the other through the real code, in every
// mode. The first letter of the input chooses the mode: a atomic with git, b atomic without, c in
// place with git, d in place without. The lines behind it are those of hostile_script.h, and
//   c                publishes, as what follows is done to what is published then
//   r                somebody writes into a file of the published tree, which is repaired
//   l                the same with a link in place of what is there
//   j                the next commit is judged by somebody who leaves something there; J refused
//   o                what is no longer read is made ready to serve again
//   g                without a .git from now on, or with one again

#include <git2.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkout/drift.h"
#include "checkout/publisher.h"
#include "checkout/slot_directory.h"
#include "checkout/worktree.h"
#include "hostile_model.h"
#include "hostile_place.h"
#include "hostile_script.h"
#include "mirror/git2.h"

namespace freshet::fuzz {
namespace {

using checkout::CheckoutSpec;

class Run {
 public:
  Run(Place& place, std::size_t mode) : place_(place), script_(place.store(), place.outside()) {
    spec_.path = place.published();
    spec_.mode = mode < 2 ? "atomic" : "in_place";
    spec_.git = mode % 2 == 0;
    spec_.keep_old = Duration(0);
  }

  void line(std::string_view text) {
    if (text.empty() || script_.line(text)) {
      return;
    }
    const char what = text.front();
    if (what == 'c') {
      publish_commit();
    } else if (what == 'r' || what == 'l') {
      meddle(what);
    } else if (what == 'j' || what == 'J') {
      judge_ = what;
    } else if (what == 'o') {
      make_ready();
    } else if (what == 'g') {
      spec_.git = !spec_.git;
    }
  }

 private:
  /// More in one run would only take longer.
  static constexpr std::size_t kMostPaths = 2500;

  void publish_commit() {
    const ObjectId commit = script_.commit(current_);
    ExpectedTree wanted = TreeModel(place_.store()).of_commit(commit);
    paths_ += wanted.paths.size();
    if (!wanted.too_large && paths_ < kMostPaths) {
      publish(commit, std::move(wanted));
    }
    judge_ = '\0';
  }

  checkout::TreeCheck check() const {
    if (judge_ == '\0') {
      return {};
    }
    return [judge = judge_](const std::string& tree) -> Result<void> {
      leave_something(tree);
      return judge == 'J' ? fail(ErrorClass::conflict, "judged") : Result<void>();
    };
  }

  static void leave_something(const std::string& tree) {
    static_cast<void>(write_new_file(tree + "/left-behind", "by the judge"));
    static_cast<void>(make_directories(tree + "/a-folder/of-the-judge"));
  }

  void publish(const ObjectId& commit, ExpectedTree wanted) {
    const Snapshot before = snapshot_of(place_.tree());
    const bool is_news = current_ != commit;
    const auto published = checkout::publish(spec_, place_.mirror(), commit, cancel_, check());
    place_.check_outside();
    if (published) {
      require(!wanted.impossible, "what cannot be written is refused");
      require(judge_ != 'J' || !is_news, "what was refused is not published");
      current_ = commit;
      shown_ = std::move(wanted);
      has_git_ = spec_.git;
      check_published();
    } else {
      const Error& error = published.error();
      const bool was_judged = error.message == "judged";
      require(was_judged || error.error_class == ErrorClass::corrupt, error.message.c_str());
      require(was_judged || !wanted.plain || wanted.impossible,
              ("a plain tree is published: " + error.message).c_str());
      require(snapshot_of(place_.tree()) == before, "what was there stays");
    }
    place_.check_leftovers();
  }

  void check_published() {
    const auto current = checkout::read_current(spec_.path);
    require(current && current->commit == *current_, "the commit is published");
    if (shown_.has_attributes) {
      check_like_a_new_one();
    }
    check_tree();
    check_ = check_ == checkout::DriftCheck::full ? checkout::DriftCheck::quick
                                                  : checkout::DriftCheck::full;
    const auto drift = checkout::find_drift(spec_, place_.mirror(), *current_, check_, cancel_);
    require(drift.has_value(), "one can look for drift");
    require(drift->empty(), "there is no drift");
    if (has_git_ && spec_.git) {
      check_index();
    }
  }

  /// Attributes change contents: what an update makes of a file is what a first checkout makes.
  void check_like_a_new_one() {
    CheckoutSpec other = spec_;
    other.path = place_.other();
    other.git = false;
    require(checkout::publish(other, place_.mirror(), *current_, cancel_).has_value(),
            "it can be published a second time");
    const Snapshot tree = snapshot_of(
        spec_.mode == "in_place" ? other.path : checkout::Layout(other.path).slot(*current_));
    for (auto& [path, expected] : shown_.paths) {
      const auto found = tree.find(path);
      require(found != tree.end(), "a first checkout has the path");
      if (S_ISREG(expected.mode)) {
        expected.content = found->second.content;
      }
    }
    place_.remove_other();
  }

  void check_tree() const {
    const Snapshot tree = snapshot_of(place_.tree());
    for (const auto& [path, expected] : shown_.paths) {
      const auto found = tree.find(path);
      require(found != tree.end(), ("it lacks " + path.substr(0, 200)).c_str());
      require(found->second.mode == expected.mode, ("the mode of " + path.substr(0, 200)).c_str());
      require(found->second.content == expected.content,
              ("the content of " + path.substr(0, 200)).c_str());
    }
    for (const auto& [path, seen] : tree) {
      require(shown_.paths.count(path) != 0, ("it has " + path.substr(0, 200)).c_str());
    }
  }

  void check_index() const {
    const std::string folder = checkout::worktree_folder(place_.tree());
    git_index* index = nullptr;
    require(git_index_open(&index, (folder + "/index").c_str()) == 0, "the index can be read");
    std::size_t count = 0;
    for (const auto& [path, expected] : shown_.paths) {
      if (expected.id.empty()) {
        continue;
      }
      ++count;
      const git_index_entry* entry = git_index_get_bypath(index, path.c_str(), 0);
      require(entry != nullptr, ("the index has " + path.substr(0, 200)).c_str());
      require(mirror::git2::from_oid(entry->id) == expected.id, "the index has the object");
    }
    require(git_index_entrycount(index) == count, "the index has nothing else");
    git_index_free(index);
  }

  void meddle(char what) {
    const bool is_in_place = spec_.mode == "in_place";
    if (!current_ || shown_.paths.empty() || (what == 'l' && is_in_place)) {
      return;
    }
    auto target = shown_.paths.begin();
    while (what == 'r' && target != shown_.paths.end() && !S_ISREG(target->second.mode)) {
      ++target;
    }
    if (target == shown_.paths.end() || target->first.size() > 2000) {
      return;
    }
    const std::string path = place_.tree() + "/" + target->first;
    require(remove_tree(path).has_value(), "somebody can remove it");
    if (what == 'l') {
      require(::symlink(place_.outside().c_str(), path.c_str()) == 0, "somebody can link it");
    } else {
      require(write_new_file(path, "somebody's").has_value(), "somebody can write it");
    }
    const auto drift = checkout::find_drift(spec_, place_.mirror(), *current_,
                                            checkout::DriftCheck::full, cancel_);
    require(drift.has_value() && (!drift->empty() || target->second.content == "somebody's"),
            "drift is found");
    const auto repaired = checkout::repair_drift(spec_, place_.mirror(), *drift, cancel_);
    require(repaired.has_value(), repaired ? "" : repaired.error().message.c_str());
    place_.check_outside();
    check_published();
    place_.check_leftovers();
  }

  void make_ready() {
    require(checkout::sweep(spec_, place_.mirror()).has_value(), "one can sweep");
    if (current_) {
      const auto prepared = checkout::prepare_spare(spec_, place_.mirror(), cancel_);
      require(prepared.has_value(), prepared ? "" : prepared.error().message.c_str());
    }
    place_.check_outside();
    if (current_) {
      check_published();
    }
    place_.check_leftovers(true);
  }

  Place& place_;
  Script script_;
  CheckoutSpec spec_;
  CancelToken cancel_;
  std::optional<ObjectId> current_;
  ExpectedTree shown_;
  bool has_git_ = false;  ///< what is published
  checkout::DriftCheck check_ = checkout::DriftCheck::quick;
  std::size_t paths_ = 0;  ///< of all commits so far
  char judge_ = '\0';
};

}  // namespace
}  // namespace freshet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet::fuzz;
  static Place place;
  place.begin();
  Input input(data, size);
  Run run(place, input.choice(4));
  static_cast<void>(input.line());
  while (!input.empty()) {
    run.line(input.line());
  }
  return 0;
}
