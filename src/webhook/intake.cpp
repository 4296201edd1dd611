#include "webhook/intake.h"

#include <utility>

#include "base/json.h"
#include "base/log.h"

namespace freshet::webhook {
namespace {

/// Refusals come from anybody, as many as they like; the log gets one line in this time.
constexpr Duration kBetweenRefusalLines = std::chrono::seconds(10);

std::vector<RepositoryName> names_of(const std::vector<DeliveryRecord::Refreshed>& refreshed) {
  std::vector<RepositoryName> names;
  names.reserve(refreshed.size());
  for (const DeliveryRecord::Refreshed& one : refreshed) {
    names.push_back(one.repository);
  }
  return names;
}

std::string list_names(const std::vector<RepositoryName>& names) {
  constexpr std::size_t kShown = 10;
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kShown; ++i) {
    text += (i == 0 ? "" : ", ") + names[i].text();
  }
  return names.size() > kShown ? text + " and " + std::to_string(names.size() - kShown) + " more"
                               : text;
}

std::string status_body(Verdict verdict, const std::string& reason = {}) {
  Json body = Json::object({{"status", Json(to_string(verdict))}});
  if (!reason.empty()) {
    body.set("reason", reason);
  }
  return body.dump();
}

std::string accepted_body(const std::vector<RepositoryName>& names, const std::string& id,
                          bool coalesced) {
  Json repositories = Json::array();
  for (const RepositoryName& name : names) {
    repositories.push(name.text());
  }
  return Json::object({{"status", "accepted"},
                       {"repositories", std::move(repositories)},
                       {"delivery", id.empty() ? Json() : Json(id)},
                       {"coalesced", coalesced}})
      .dump();
}

}  // namespace

/// What became of a delivery's triggers.
struct Intake::Accepted {
  std::vector<DeliveryRecord::Refreshed> repositories;
  bool coalesced = true;  ///< each of them
  bool failed = false;    ///< one could not be recorded
};

Intake::Intake(World& world, TriggerSink& triggers, http::Response unknown_route)
    : world_(world), triggers_(triggers), unknown_route_(std::move(unknown_route)) {}

std::optional<http::Response> Intake::guard(std::string_view forge,
                                            const std::optional<RepositoryName>& name) {
  if (find_forge(forge) == nullptr) {
    return unknown_route_;
  }
  if (world_.has_general_secrets()) {
    return std::nullopt;
  }
  if (name) {
    const auto index = world_.repositories();
    const Followed* repository = index->find(*name);
    if (repository != nullptr ? repository->own_secrets : index->any_own_secrets()) {
      return std::nullopt;
    }
  }
  return unknown_route_;
}

http::Response Intake::deliver(std::string_view forge_name,
                               const std::optional<RepositoryName>& name,
                               const http::Request& request) {
  const Forge* forge = find_forge(forge_name);
  if (forge == nullptr) {
    return unknown_route_;
  }
  const auto index = world_.repositories();
  DeliveryRecord record;
  record.forge = forge->name;
  record.route = name;
  record.id = delivery_id_of(*forge, request.headers).value_or("");
  record.at = world_.wall_now();
  record.client = request.client;
  record.secret = authenticate(*forge, name, *index, request);
  if (record.secret.empty()) {
    return refuse(std::move(record));
  }
  record.event = event_of(*forge, request.headers);
  return answer(std::move(record), *index, request, *forge);
}

std::string Intake::authenticate(const Forge& forge, const std::optional<RepositoryName>& name,
                                 const MatchIndex& index, const http::Request& request) {
  const Followed* repository = name ? index.find(*name) : nullptr;
  const bool own = repository != nullptr && repository->own_secrets;
  // A name that does not exist is checked like one without secrets of its own, and then refused.
  const RouteSecrets known = world_.secrets(own ? name : std::nullopt);
  const auto check = forge.begin_check(request.headers, known.secrets, world_.wall_now());
  check->update(request.body);
  const std::optional<std::size_t> signer = check->finish();
  return signer && (!name || repository != nullptr) ? known.locations[*signer] : "";
}

http::Response Intake::refuse(DeliveryRecord record) {
  std::int64_t unlogged = 0;
  bool logged = false;
  {
    const Instant now = world_.now();
    const MutexLock lock(mutex_);
    logged = now >= next_refusal_logged_;
    unlogged = logged ? std::exchange(refusals_unlogged_, 0) : ++refusals_unlogged_;
    if (logged) {
      next_refusal_logged_ = now + kBetweenRefusalLines;
    }
  }
  if (logged) {
    log::warning(
        "delivery refused: signature missing, malformed or wrong",
        {{"forge", record.forge}, {"client", record.client}, {"others_since_last_line", unlogged}});
  }
  record.verdict = Verdict::unauthorized;
  return finish(record, 401, status_body(record.verdict));
}

http::Response Intake::answer(DeliveryRecord record, const MatchIndex& index,
                              const http::Request& request, const Forge& forge) {
  const Result<Delivery> delivery = read_delivery(forge, record.event, request.body);
  Decision decision;
  if (delivery) {
    record.content = std::make_shared<const Delivery>(*delivery);
    decision = decide(
        *delivery, record.route, index,
        [this](const RepositoryName& name) { return world_.default_branch(name); }, record.id,
        record.at);
  } else {
    decision.verdict = Verdict::invalid;
    decision.reason = delivery.error().message;
  }
  for (const RepositoryName& repository : decision.renamed) {
    world_.upstream_renamed(repository, delivery->repository.urls);
  }
  record.verdict = decision.verdict;
  record.reason = decision.reason;
  record.repositories = decision.meant;
  switch (decision.verdict) {
    case Verdict::accepted:
      return accept(std::move(record), decision, request);
    case Verdict::invalid:
      return finish(record, 400, status_body(record.verdict, record.reason));
    default:
      return finish(record, 200, status_body(record.verdict, record.reason));
  }
}

http::Response Intake::accept(DeliveryRecord record, const Decision& decision,
                              const http::Request& request) {
  std::optional<Sha256> key;
  if (!record.id.empty()) {
    key = delivery_key(record.forge, record.route ? record.route->text() : "", record.id,
                       request.body);
  }
  std::uint64_t mark = 0;
  {
    const Instant now = world_.now();
    const MutexLock lock(mutex_);
    mark = duplicates_.mark();
    if (key && duplicates_.contains(*key, now)) {
      record.verdict = Verdict::duplicate;
    }
  }
  if (record.verdict == Verdict::duplicate) {
    return finish(record, 200, status_body(record.verdict));
  }
  const Accepted accepted = hand_on(decision.triggers);
  record.refreshed = accepted.repositories;
  if (accepted.failed) {
    record.verdict = Verdict::unavailable;
    record.reason = "the delivery could not be recorded; deliver it again";
    return finish(record, 503, status_body(record.verdict, record.reason));
  }
  if (accepted.repositories.empty()) {
    record.verdict = Verdict::ignored;
    record.reason = "the repository is not followed any more";
    return finish(record, 200, status_body(record.verdict, record.reason));
  }
  if (key) {
    const Instant now = world_.now();
    const MutexLock lock(mutex_);
    duplicates_.remember(*key, names_of(accepted.repositories), mark, now);
  }
  return finish(record, 202,
                accepted_body(names_of(accepted.repositories), record.id, accepted.coalesced));
}

DeliveryRecord Intake::run_again(DeliveryRecord record) {
  const auto index = world_.repositories();
  record.at = world_.wall_now();
  if (record.route && index->find(*record.route) == nullptr) {
    record.verdict = Verdict::ignored;
    record.reason = "no repository is called " + record.route->text();
    return record;
  }
  const Decision decision = decide(
      *record.content, record.route, *index,
      [this](const RepositoryName& name) { return world_.default_branch(name); }, record.id,
      record.at);
  record.verdict = decision.verdict;
  record.reason = decision.reason;
  record.repositories = decision.meant;
  const Accepted accepted = hand_on(decision.triggers);
  record.refreshed = accepted.repositories;
  if (accepted.failed) {
    record.verdict = Verdict::unavailable;
  }
  world_.delivery_seen(record);
  return record;
}

Intake::Accepted Intake::hand_on(const std::vector<Trigger>& triggers) {
  Accepted accepted;
  for (const Trigger& trigger : triggers) {
    const Result<Receipt> receipt = triggers_.accept(trigger);
    if (receipt) {
      accepted.repositories.push_back({trigger.repository, receipt->ticket});
      accepted.coalesced = accepted.coalesced && receipt->coalesced;
    } else if (receipt.error().error_class != ErrorClass::not_found) {
      // The others are still worth their refresh, but nothing is promised for any of them.
      accepted.failed = true;
      log::error("delivery not accepted", {{"repository", trigger.repository.text()},
                                           {"delivery", trigger.delivery},
                                           {"error", receipt.error().message}});
    }
  }
  return accepted;
}

http::Response Intake::finish(const DeliveryRecord& record, int status, std::string body) {
  if (record.verdict != Verdict::unauthorized) {
    const bool accepted = record.verdict == Verdict::accepted;
    log::write(
        record.verdict == Verdict::invalid ? log::Level::warning : log::Level::info, "delivery",
        {{"forge", record.forge},
         {"event", record.event},
         {"delivery", record.id},
         {"verdict", to_string(record.verdict)},
         {"repositories", list_names(accepted ? names_of(record.refreshed) : record.repositories)},
         {"reason", record.reason}});
  }
  world_.delivery_seen(record);
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

void Intake::refresh_failed(const RepositoryName& repository) {
  const MutexLock lock(mutex_);
  duplicates_.forget(repository);
}

}  // namespace freshet::webhook
