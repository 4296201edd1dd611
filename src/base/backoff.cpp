#include "base/backoff.h"

#include <algorithm>

namespace freshet {

Duration Backoff::delay(int failures, double chance) const {
  Duration full = first;
  for (int i = 1; i < failures && full < longest; ++i) {
    full = full > longest / 2 ? longest : full * 2;
  }
  full = std::min(full, longest);
  const double taken_off = static_cast<double>(full.count()) * jitter * chance;
  return full - Duration(static_cast<Duration::rep>(taken_off));
}

}  // namespace freshet
