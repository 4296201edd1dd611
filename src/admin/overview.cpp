#include "admin/overview.h"

#include "admin/views.h"

namespace freshet::admin {
namespace {

Json counts_of(const state::Store::Snapshot& repositories) {
  const auto counts = state::count_by_condition(repositories);
  Json result = Json::object({{"total", std::uint64_t{repositories.size()}}});
  for (const state::RepositoryCondition condition : state::kRepositoryConditions) {
    result.set(std::string(to_string(condition)), std::uint64_t{counts.at(condition)});
  }
  return result;
}

Json view(const std::optional<Overview::Reload>& reload) {
  if (!reload) {
    return {};
  }
  return Json::object(
      {{"at", to_rfc3339(reload->at)},
       {"successful", reload->successful},
       {"problems", Json::Array(reload->problems.begin(), reload->problems.end())}});
}

Json view(const std::vector<Overview::Host>& hosts) {
  Json result = Json::array();
  for (const Overview::Host& host : hosts) {
    result.push(Json::object({{"host", host.name},
                              {"breaker_open", host.breaker_open},
                              {"rate_limit_remaining", host.rate_limit_remaining}}));
  }
  return result;
}

Json view(const std::vector<Overview::Disk>& disks) {
  Json result = Json::array();
  for (const Overview::Disk& disk : disks) {
    result.push(Json::object(
        {{"path", disk.path}, {"free_bytes", disk.free}, {"min_free_bytes", disk.min_free}}));
  }
  return result;
}

}  // namespace

Json view(const Overview& overview) {
  return Json::object(
      {{"version", overview.version},
       {"started", to_rfc3339(overview.started)},
       {"now", to_rfc3339(overview.now)},
       {"repositories", counts_of(overview.repositories)},
       {"queue_depth", std::uint64_t{overview.queue_depth}},
       {"configuration", Json::object({{"file", overview.configuration},
                                       {"loaded", to_rfc3339(overview.configuration_loaded)},
                                       {"last_reload", view(overview.last_reload)}})},
       {"listeners",
        Json::object({{"public", overview.public_listener},
                      {"admin", overview.admin_listener},
                      {"certificate_expires", time_or_null(overview.certificate_expires)}})},
       {"hosts", view(overview.hosts)},
       {"disk", view(overview.disks)}});
}

}  // namespace freshet::admin
