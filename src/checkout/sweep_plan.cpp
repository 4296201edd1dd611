#include "checkout/sweep_plan.h"

#include <algorithm>
#include <utility>

namespace freshet::checkout {

bool is_leftover(const std::string& name) {
  return name.starts_with(kBuilding) || name.starts_with(kTrash) || name.starts_with(kLink) ||
         name.starts_with(kHalfNote);
}

std::optional<ObjectId> commit_of_spare(const std::string& name) {
  return name.starts_with(kSpare) ? ObjectId::parse(name.substr(kSpare.size())) : std::nullopt;
}

SweepPlan plan_sweep(const std::vector<std::string>& names,
                     const std::map<std::string, WallTime>& retired,
                     const std::optional<ObjectId>& current, WallTime now, Duration keep_old,
                     std::size_t most_spares) {
  SweepPlan plan;
  std::size_t spares = 0;
  std::vector<std::pair<WallTime, std::string>> due;
  for (const std::string& name : names) {
    const bool is_extra = commit_of_spare(name) && ++spares > most_spares;
    if (is_leftover(name) || is_extra) {
      plan.remove.push_back(name);
    }
    const auto commit = ObjectId::parse(name);
    if (!commit || commit == current) {
      continue;
    }
    const auto since = retired.find(name);
    if (since == retired.end()) {
      plan.mark_retired.push_back(name);
    } else if (since->second + keep_old <= now) {
      due.emplace_back(since->second, name);
      continue;
    }
    // A clock that was set back must not keep a tree for ever.
    const WallTime start = since == retired.end() ? now : std::min(since->second, now);
    plan.next = plan.next ? std::min(*plan.next, start + keep_old) : start + keep_old;
  }
  std::sort(due.rbegin(), due.rend());  // the newest differs least from what comes next
  for (const auto& [since, name] : due) {
    // A spare that was prepared while the tree was current has its name already.
    const bool has_spare = std::count(names.begin(), names.end(), std::string(kSpare) + name) > 0;
    if (spares < most_spares && !has_spare) {
      plan.reuse.push_back(*ObjectId::parse(name));
      ++spares;
    } else {
      plan.remove.push_back(name);
    }
  }
  return plan;
}

}  // namespace freshet::checkout
