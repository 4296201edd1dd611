#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/url.h"
#include "checkout/publisher.h"
#include "model/ids.h"
#include "remote/upstream.h"

namespace freshet::sync {

/// Everything a refresh needs to know of one repository. Immutable once handed out.
struct RepositorySpec {
  RepositoryName name;
  UpstreamUrl url;
  std::string mirror;                       ///< path of the bare repository
  std::vector<remote::RefPattern> follows;  ///< beside what the checkouts need
  std::vector<checkout::CheckoutSpec> checkouts;
  int depth = 0;                    ///< 0: full history
  std::uint64_t largest_pack = 0;   ///< bytes; 0: no limit
  std::uint64_t min_free_disk = 0;  ///< bytes; 0: no limit
  Duration time_limit{std::chrono::minutes(10)};
  Duration first_time_limit{std::chrono::hours(6)};
  Duration silence_limit{std::chrono::seconds(30)};
};

}  // namespace freshet::sync
