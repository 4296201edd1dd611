#include "mirror/lost_refs.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace freshet::mirror {
namespace {

constexpr std::size_t kManyDeletions = 10;
/// Beyond this, asking whether each old tip is contained costs more than keeping a few too many.
constexpr std::size_t kManyChanges = 256;

/// The id as the last part keeps refs/heads/a and refs/heads/a/b, and a ref that is rewritten twice
/// within a second, out of each other's way.
RefName lost_name(const RefName& ref, const ObjectId& id, WallTime now) {
  constexpr std::string_view kRefs = "refs/";
  constexpr std::size_t kDigits = 16;
  return RefName(kLostPrefix + std::to_string(to_unix_millis(now) / 1000) + "/" +
                 ref.text().substr(kRefs.size()) + "/" + id.hex().substr(0, kDigits));
}

}  // namespace

Result<std::map<RefName, ObjectId>> lost_tips(const std::map<RefName, ObjectId>& current,
                                              const RefChanges& changes,
                                              const IsAncestor& is_ancestor, WallTime now) {
  std::map<RefName, ObjectId> lost;
  for (const auto* deleted : {&changes.clear_first, &changes.delete_last}) {
    for (const RefName& ref : *deleted) {
      const ObjectId& id = current.at(ref);
      lost.emplace(lost_name(ref, id, now), id);
    }
  }
  for (const auto& [ref, id] : changes.set) {
    const auto old = current.find(ref);
    if (old == current.end()) {
      continue;
    }
    if (changes.set.size() <= kManyChanges) {
      FRESHET_TRY(const bool contained, is_ancestor(old->second, id));
      if (contained) {
        continue;
      }
    }
    lost.emplace(lost_name(ref, old->second, now), old->second);
  }
  return lost;
}

std::vector<RefName> lost_of(const std::vector<RefName>& lost, const RefName& ref) {
  constexpr std::string_view kRefs = "refs/";
  std::vector<RefName> found;
  for (const RefName& one : lost) {
    const std::string_view name = one.text();
    const std::size_t begin = name.find('/', std::min(std::strlen(kLostPrefix), name.size()));
    const std::size_t end = name.rfind('/');
    if (begin != std::string_view::npos && begin < end &&
        name.substr(begin + 1, end - begin - 1) ==
            std::string_view(ref.text()).substr(kRefs.size())) {
      found.push_back(one);
    }
  }
  return found;
}

std::vector<RefName> expired_lost(const std::vector<RefName>& lost, WallTime now) {
  std::vector<RefName> expired;
  for (const RefName& ref : lost) {
    const std::string_view rest =
        std::string_view(ref.text())
            .substr(std::min(std::string_view(kLostPrefix).size(), ref.text().size()));
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), seconds);
    if (error == std::errc{} && from_unix_millis(seconds * 1000) + kKeepLost < now) {
      expired.push_back(ref);
    }
  }
  return expired;
}

bool loses_too_much(const std::map<RefName, ObjectId>& current,
                    const std::map<RefName, ObjectId>& wanted) {
  const auto gone = static_cast<std::size_t>(
      std::count_if(current.begin(), current.end(),
                    [&](const auto& entry) { return wanted.count(entry.first) == 0; }));
  return gone >= kManyDeletions && gone * 2 > current.size();
}

}  // namespace freshet::mirror
