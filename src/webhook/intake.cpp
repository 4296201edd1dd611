#include "webhook/intake.h"

#include <utility>

#include "base/hmac.h"
#include "base/json.h"
#include "base/log.h"
#include "webhook/authentication.h"

namespace freshet::webhook {
namespace {

/// Refusals come from anybody, as many as they like; the log gets one line in this time.
constexpr Duration kBetweenRefusalLines = std::chrono::seconds(10);

/// Random bytes in the id of a delivery whose sender gave it none.
constexpr std::size_t kOwnId = 8;

std::vector<RepositoryName> names_of(const std::vector<DeliveryRecord::Refreshed>& refreshed) {
  std::vector<RepositoryName> names;
  names.reserve(refreshed.size());
  for (const DeliveryRecord::Refreshed& one : refreshed) {
    names.push_back(one.repository);
  }
  return names;
}

std::string list(const std::vector<std::string>& words) {
  constexpr std::size_t kShown = 10;
  std::string text;
  for (std::size_t i = 0; i < words.size() && i < kShown; ++i) {
    text += (i == 0 ? "" : ", ") + words[i];
  }
  return words.size() > kShown ? text + " and " + std::to_string(words.size() - kShown) + " more"
                               : text;
}

std::string list_names(const std::vector<RepositoryName>& names) {
  std::vector<std::string> words;
  words.reserve(names.size());
  for (const RepositoryName& name : names) {
    words.push_back(name.text());
  }
  return list(words);
}

/// By which the lines of the refreshes are found.
std::string list_refreshes(const std::vector<DeliveryRecord::Refreshed>& refreshed) {
  std::vector<std::string> words;
  words.reserve(refreshed.size());
  for (const DeliveryRecord::Refreshed& one : refreshed) {
    words.push_back(refresh_id(one.refresh));
  }
  return list(words);
}

http::Response response_of(const DeliveryRecord& record, bool coalesced) {
  Json body = Json::object({{"status", Json(to_string(record.verdict))}});
  if (record.verdict == Verdict::accepted) {
    Json repositories = Json::array();
    for (const DeliveryRecord::Refreshed& one : record.refreshed) {
      repositories.push(one.repository.text());
    }
    body.set("repositories", std::move(repositories));
    body.set("delivery", record.id);
    body.set("coalesced", coalesced);
  } else if (!record.reason.empty() && record.verdict != Verdict::unauthorized) {
    body.set("reason", record.reason);
  }
  http::Response response;
  response.status = http_status(record.verdict);
  response.body = body.dump();
  return response;
}

}  // namespace

Intake::Intake(World& world, TriggerSink& triggers, http::Response unknown_route)
    : world_(world), triggers_(triggers), unknown_route_(std::move(unknown_route)) {}

std::optional<http::Response> Intake::guard(std::string_view forge,
                                            const std::optional<RepositoryName>& name) {
  const bool there =
      find_forge(forge) != nullptr && (!world_.secret_files(std::nullopt).empty() ||
                                       (name && world_.repositories()->most_secrets() != nullptr));
  return there ? std::nullopt : std::optional(unknown_route_);
}

std::shared_ptr<http::BodyTap> Intake::begin(std::string_view forge_name,
                                             const std::optional<RepositoryName>& name,
                                             const http::Request& head) {
  const Forge* forge = find_forge(forge_name);
  if (forge == nullptr) {
    return nullptr;
  }
  const auto index = world_.repositories();
  const Followed* repository = name ? index->find(*name) : nullptr;
  const bool own = repository != nullptr && repository->own_secrets > 0;
  // A name that does not exist is checked like one without secrets of its own, and then refused.
  RouteSecrets known = read_secrets(*index, own ? name : std::nullopt, name.has_value());
  return std::make_shared<Authentication>(
      forge->begin_check(head.headers, known.secrets, world_.wall_now()),
      std::move(known.locations), !name || repository != nullptr);
}

RouteSecrets Intake::read_secrets(const MatchIndex& index,
                                  const std::optional<RepositoryName>& owner, bool named) {
  RouteSecrets known;
  known.locations = world_.secret_files(owner);
  // Whatever the NAME, as many secrets are read and tried as where there are the most: the time
  // would tell which repositories have their own.
  std::vector<std::string> most = known.locations;
  if (named) {
    const auto take_if_more = [&](const std::optional<RepositoryName>& other) {
      if (auto files = world_.secret_files(other); files.size() > most.size()) {
        most = std::move(files);
      }
    };
    take_if_more(std::nullopt);
    if (const Followed* other = index.most_secrets()) {
      take_if_more(other->name);
    }
  }
  for (std::size_t i = 0; i < most.size(); ++i) {
    const bool counts = i < known.locations.size();
    Secret secret = world_.read_secret(counts ? known.locations[i] : most[i]);
    known.secrets.push_back(counts ? std::move(secret) : Secret());
  }
  known.locations.resize(most.size());
  return known;
}

http::Response Intake::deliver(std::string_view forge_name,
                               const std::optional<RepositoryName>& name,
                               const http::Request& request) {
  const Forge* forge = find_forge(forge_name);
  if (forge == nullptr) {
    return unknown_route_;
  }
  DeliveryRecord record;
  record.forge = forge->name;
  record.route = name;
  record.id = delivery_id_of(*forge, request.headers).value_or("");
  record.at = world_.wall_now();
  record.client = request.client;
  const auto authentication = std::dynamic_pointer_cast<Authentication>(request.tap);
  record.secret = authentication ? authentication->finish() : "";
  bool coalesced = false;
  if (record.secret.empty()) {
    record.reason = authentication ? authentication->refusal() : "the request has no body";
    refuse(record);
  } else {
    const bool has_id = !record.id.empty();
    if (!has_id) {
      record.id = random_hex(kOwnId);
    }
    record.event = event_of(*forge, request.headers);
    const std::vector<Trigger> triggers = read(record, *forge, request.body);
    if (record.verdict == Verdict::accepted) {
      coalesced = has_id ? hand_on_once(record, triggers, authentication->body_digest(request.body))
                         : hand_on(record, triggers);
    }
  }
  report(record);
  return response_of(record, coalesced);
}

DeliveryRecord Intake::run_again(std::string_view forge_name,
                                 const std::optional<RepositoryName>& route, const std::string& id,
                                 const Delivery& delivery) {
  const Forge* forge = find_forge(forge_name);
  DeliveryRecord record;
  record.forge = forge != nullptr ? forge->name : "unknown";
  record.route = route;
  record.event = "replay";
  record.id = id;
  record.at = world_.wall_now();
  record.content = std::make_shared<const Delivery>(delivery);
  const Decision decision = judge(record, delivery);
  if (record.verdict == Verdict::accepted) {
    hand_on(record, decision.triggers);
  }
  report(record);
  return record;
}

void Intake::refuse(DeliveryRecord& record) {
  record.verdict = Verdict::unauthorized;
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
    log::warning("delivery refused", {{"forge", record.forge},
                                      {"route", record.route ? record.route->text() : ""},
                                      {"reason", record.reason},
                                      {"client", record.client},
                                      {"others_since_last_line", unlogged}});
  }
}

std::vector<Trigger> Intake::read(DeliveryRecord& record, const Forge& forge,
                                  std::string_view body) {
  Result<Delivery> delivery = read_delivery(forge, record.event, body);
  if (!delivery) {
    record.verdict = Verdict::invalid;
    record.reason = delivery.error().message;
    return {};
  }
  const auto content = std::make_shared<const Delivery>(std::move(*delivery));
  record.content = content;
  return judge(record, *content).triggers;
}

Decision Intake::judge(DeliveryRecord& record, const Delivery& delivery) {
  const auto index = world_.repositories();
  Decision decision = decide(
      delivery, record.route, *index,
      [this](const RepositoryName& name) { return world_.default_branch(name); }, record.id,
      record.at);
  for (const Renamed& renamed : decision.renamed) {
    world_.upstream_renamed(renamed.repository, renamed.urls);
  }
  record.verdict = decision.verdict;
  record.reason = decision.reason;
  record.repositories = decision.meant;
  return decision;
}

bool Intake::hand_on_once(DeliveryRecord& record, const std::vector<Trigger>& triggers,
                          const Sha256& body_digest) {
  const Sha256 key =
      delivery_key(record.forge, record.route ? record.route->text() : "", record.id, body_digest);
  std::uint64_t mark = 0;
  {
    const Instant now = world_.now();
    const MutexLock lock(mutex_);
    mark = duplicates_.mark();
    if (duplicates_.contains(key, now)) {
      record.verdict = Verdict::duplicate;
      return false;
    }
  }
  const bool coalesced = hand_on(record, triggers);
  if (record.verdict == Verdict::accepted) {
    const Instant now = world_.now();
    const MutexLock lock(mutex_);
    duplicates_.remember(key, names_of(record.refreshed), mark, now);
  }
  return coalesced;
}

bool Intake::hand_on(DeliveryRecord& record, const std::vector<Trigger>& triggers) {
  bool coalesced = true;
  bool failed = false;
  for (const Trigger& trigger : triggers) {
    const Result<Receipt> receipt = triggers_.accept(trigger);
    if (receipt) {
      record.refreshed.push_back({trigger.repository, receipt->ticket, receipt->refresh});
      coalesced = coalesced && receipt->coalesced;
    } else if (receipt.error().error_class != ErrorClass::not_found) {
      // The others are still worth their refresh, but nothing is promised for any of them.
      failed = true;
      log::error("delivery not accepted", {{"repository", trigger.repository.text()},
                                           {"delivery", trigger.delivery},
                                           {"error", receipt.error().message}});
    }
  }
  if (failed) {
    record.verdict = Verdict::unavailable;
    record.reason = "the delivery could not be recorded; deliver it again";
  } else if (record.refreshed.empty()) {
    record.verdict = Verdict::ignored;
    record.reason = "the repository is not followed any more";
  }
  return coalesced;
}

void Intake::report(const DeliveryRecord& record) {
  if (record.verdict != Verdict::unauthorized) {
    const bool accepted = record.verdict == Verdict::accepted;
    log::write(
        record.verdict == Verdict::invalid ? log::Level::warning : log::Level::info, "delivery",
        {{"forge", record.forge},
         {"forge_event", record.event},
         {"delivery", record.id},
         {"verdict", to_string(record.verdict)},
         {"repositories", list_names(accepted ? names_of(record.refreshed) : record.repositories)},
         {"refresh", list_refreshes(record.refreshed)},
         {"reason", record.reason}});
  }
  world_.delivery_seen(record);
}

void Intake::refresh_failed(const RepositoryName& repository) {
  const MutexLock lock(mutex_);
  duplicates_.forget(repository);
}

}  // namespace freshet::webhook
