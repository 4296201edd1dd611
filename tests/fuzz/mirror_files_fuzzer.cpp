// Files of a mirror and beside a tree that a power failure, a full disk or somebody damaged. The
// first letter of the input says which file the rest is: a git's index of a tree, b the index of a
// pack, c the list of shallow commits, d the state of a tree in place, e packed-refs, f a branch,
// g HEAD, h config.

#include <unistd.h>

#include "base/git_environment.h"
#include "checkout/in_place.h"
#include "checkout/index_file.h"
#include "hostile_place.h"
#include "mirror/mirror.h"
#include "remote/index_pack.h"
#include "remote/shallow_file.h"

namespace freshet::fuzz {
namespace {

void replace(const std::string& path, std::string_view content) {
  require(remove_tree(path).has_value() && make_directories(parent_path(path)).has_value() &&
              write_new_file(path, content).has_value(),
          "the file can be written");
}

void check_index(std::string_view bytes) {
  const auto records = checkout::read_index(bytes);
  checkout::IndexEntry entry;
  entry.entry = {"m", 0100644, ObjectId::parse(std::string(40, '1')).value()};
  const auto updated = checkout::update_index(bytes, {"a", "z"}, {entry});
  require(records.has_value() == updated.has_value(), "both find the same damage");
  if (updated) {
    const auto again = checkout::read_index(*updated);
    require(again.has_value(), "what is written can be read");
    require(again->size() <= records->size() + 1, "nothing is there twice");
  }
}

void check_pack_index(const Place& place, std::string_view bytes) {
  const remote::IndexedPack pack{std::string(40, 'a'), true};
  replace(place.mirror() + "/objects/pack/pack-" + pack.name + ".idx", bytes);
  for (const char digit : {'0', '7', 'f'}) {
    static_cast<void>(remote::pack_contains(place.mirror(), pack,
                                            ObjectId::parse(std::string(40, digit)).value()));
  }
}

void check_shallow(const Place& place, std::string_view bytes) {
  replace(place.mirror() + "/shallow", bytes);
  const auto ids = remote::read_shallow(place.mirror());
  require(ids || ids.error().error_class == ErrorClass::corrupt, "damage is corrupt");
}

void check_state(const Place& place, std::string_view bytes) {
  const checkout::Layout layout(place.published());
  replace(checkout::in_place_state_file(layout), bytes);
  const auto state = checkout::read_in_place_state(layout);
  if (state) {
    require(checkout::write_in_place_state(layout, *state).has_value(), "it can be written");
    const auto again = checkout::read_in_place_state(layout);
    require(
        again && again->at == state->at && again->to == state->to && again->beside == state->beside,
        "it is the same afterwards");
    require(state->beside.find('/') == std::string::npos, "it names a file in a directory");
  }
}

/// Whatever is in them, the mirror opens, and is one that refs can be put into.
void check_refs(const Place& place, const GitEnvironment& environment, const std::string& name,
                std::string_view bytes) {
  replace(place.mirror() + "/" + name, bytes);
  auto mirror = mirror::Mirror::open_or_create(place.mirror(), environment);
  require(mirror.has_value(), mirror ? "" : mirror.error().message.c_str());
  const auto begun = mirror->begin_work();
  require(begun || begun.error().error_class == ErrorClass::corrupt, "damage is corrupt");
  const auto refs = mirror->refs();
  require(refs || refs.error().error_class == ErrorClass::corrupt, "damage is corrupt");
  static_cast<void>(mirror->find(RefName("refs/heads/main")));
  static_cast<void>(mirror->lost_refs());
  const auto head = mirror->head();
  require(head.has_value(), head ? "" : head.error().message.c_str());
  mirror->end_work();
}

}  // namespace
}  // namespace freshet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet::fuzz;
  static Place place;
  static const auto environment = freshet::GitEnvironment::prepare(place.outside());
  require(environment.has_value(), "git can be run");
  place.begin();
  place.forget_mirror();
  Input input(data, size);
  const std::size_t which = input.choice(8);
  const std::string_view bytes = input.rest();
  switch (which) {
    case 0:
      check_index(bytes);
      break;
    case 1:
      check_pack_index(place, bytes);
      break;
    case 2:
      check_shallow(place, bytes);
      break;
    case 3:
      check_state(place, bytes);
      break;
    default:
      constexpr const char* kNames[] = {"packed-refs", "refs/heads/main", "HEAD", "config"};
      check_refs(place, *environment, kNames[which - 4], bytes);
      break;
  }
  return 0;
}
