#include "schedule/served.h"

#include <algorithm>

namespace freshet::schedule {

std::vector<Announcement> still_open(const std::vector<Announcement>& announced,
                                     const Outcome& outcome) {
  return outcome.error || outcome.cancelled ? announced : outcome.lagging;
}

std::vector<Announcement> served_by(const Job& job, const Outcome& outcome) {
  const std::vector<Announcement> open = still_open(job.announcements, outcome);
  std::vector<Announcement> served;
  std::copy_if(job.announcements.begin(), job.announcements.end(), std::back_inserter(served),
               [&](const Announcement& announcement) {
                 return std::find(open.begin(), open.end(), announcement) == open.end();
               });
  return served;
}

}  // namespace freshet::schedule
