#include "schedule/announcements.h"

#include <algorithm>
#include <iterator>

namespace freshet::schedule {

std::vector<std::uint64_t> append(std::vector<Announcement>& list,
                                  const std::vector<Announcement>& more) {
  list.insert(list.end(), more.begin(), more.end());
  if (list.size() <= kMostAnnouncements) {
    return {};
  }
  const auto kept = list.end() - static_cast<std::ptrdiff_t>(kMostAnnouncements / 2);
  std::vector<std::uint64_t> dropped = journal_ids({list.begin(), kept});
  list.erase(list.begin(), kept);
  return dropped;
}

std::vector<Announcement> still_open(const std::vector<Announcement>& announced,
                                     const Outcome& outcome) {
  return outcome.error || outcome.cancelled ? announced : outcome.lagging;
}

std::vector<Announcement> without(const std::vector<Announcement>& all,
                                  const std::vector<Announcement>& open) {
  if (all == open) {  // a failure, and then there can be many
    return {};
  }
  std::vector<Announcement> rest;
  std::copy_if(all.begin(), all.end(), std::back_inserter(rest),
               [&](const Announcement& announcement) {
                 return std::find(open.begin(), open.end(), announcement) == open.end();
               });
  return rest;
}

std::vector<Announcement> served_by(const Job& job, const Outcome& outcome) {
  return without(job.announcements, still_open(job.announcements, outcome));
}

std::vector<std::uint64_t> journal_ids(const std::vector<Announcement>& announcements) {
  std::vector<std::uint64_t> ids;
  for (const Announcement& announcement : announcements) {
    if (announcement.journal_id != 0) {
      ids.push_back(announcement.journal_id);
    }
  }
  return ids;
}

}  // namespace freshet::schedule
