#include "http/refusals.h"

#include <algorithm>

namespace freshet::http {
namespace {

struct Reason {
  int status;
  std::string_view name;
};
constexpr std::array kByStatus{
    Reason{401, "token"},      Reason{403, "forbidden"}, Reason{404, "unknown_route"},
    Reason{405, "method"},     Reason{408, "timeout"},   Reason{413, "too_large"},
    Reason{414, "head"},       Reason{431, "head"},      Reason{415, "media_type"},
    Reason{429, "rate_limit"}, Reason{503, "busy"}};

}  // namespace

std::size_t Refusals::place_of(int status) {
  const auto* const found =
      std::find_if(kByStatus.begin(), kByStatus.end(),
                   [&](const Reason& reason) { return reason.status == status; });
  if (found == kByStatus.end()) {
    return 0;  // no HTTP that is spoken here
  }
  const auto* const place = std::find(kReasons.begin(), kReasons.end(), found->name);
  return static_cast<std::size_t>(place - kReasons.begin());
}

std::vector<std::pair<std::string_view, std::uint64_t>> Refusals::counts() const {
  std::vector<std::pair<std::string_view, std::uint64_t>> result;
  for (std::size_t i = 0; i < kReasons.size(); ++i) {
    result.emplace_back(kReasons.at(i), counts_.at(i).load());
  }
  return result;
}

}  // namespace freshet::http
