#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/secret.h"
#include "http/message.h"
#include "model/ids.h"
#include "model/trigger.h"
#include "webhook/decision.h"
#include "webhook/duplicates.h"
#include "webhook/forge.h"
#include "webhook/match.h"

namespace freshet::webhook {

/// The only media type of deliveries; the router answers 415 to any other.
constexpr std::string_view kMediaType = "application/json";

/// One delivery and what became of it, for metrics, ledger and state. Holds no part of the body.
struct DeliveryRecord {
  /// A repository that will be refreshed, and from which ticket on a refresh covers the delivery.
  struct Refreshed {
    RepositoryName repository;
    Ticket ticket = 0;
    RefreshNumber refresh = 0;
  };
  std::string_view forge;               ///< lives as long as the program
  std::optional<RepositoryName> route;  ///< NAME of /FORGE/NAME
  std::string event;                    ///< empty while unauthorized
  std::string id;                       ///< may be empty
  Verdict verdict = Verdict::unauthorized;
  std::string reason;
  std::vector<RepositoryName> repositories;  ///< those it spoke of
  std::vector<Refreshed> refreshed;          ///< those of them whose trigger was accepted
  std::string secret;                        ///< location of the one that signed it; empty: none
  std::string client;                        ///< address of the sender, as far as it is known
  std::shared_ptr<const Delivery> content;   ///< what it says; nullptr: not authentic or not read
  WallTime at{};
};

/// The secrets of one route, in the order of the configuration.
struct RouteSecrets {
  std::vector<std::string> locations;  ///< of each; for people, status and ledger
  std::vector<Secret> secrets;         ///< empty ones are those that nobody can sign with
};

/// From a webhook request to its answer. Believes nothing in a body before its signature is right,
/// and answers 202 only after every trigger was accepted. Any number of threads at once; no lock is
/// held while the world is asked.
class Intake {
 public:
  /// What the intake needs. Every member is called by many threads at once and must be quick.
  class World {
   public:
    virtual ~World() = default;
    /// Where the general secrets stand (nullopt), or those of a repository that has its own.
    virtual std::vector<std::string> secret_files(const std::optional<RepositoryName>& owner) = 0;
    /// Read anew. One that cannot be read is logged there and is empty; nobody can sign with it.
    virtual Secret read_secret(const std::string& location) = 0;
    virtual std::shared_ptr<const MatchIndex> repositories() = 0;
    /// Of the repository's upstream; nullopt: not known yet.
    virtual std::optional<RefName> default_branch(const RepositoryName& repository) = 0;
    virtual Instant now() = 0;
    virtual WallTime wall_now() = 0;
    /// The upstream of a repository has these URLs from now on, to be taken for further `match`
    /// entries: deliveries under the new name must find it without a change of configuration. Can
    /// come again with the same URLs; how many are kept is to be bounded there.
    virtual void upstream_renamed(const RepositoryName& repository,
                                  const std::vector<std::string>& urls) = 0;
    virtual void delivery_seen(const DeliveryRecord& record) = 0;
  };

  /// `unknown_route` is what any unknown route is answered with, to the letter. World and sink must
  /// outlive the intake.
  Intake(World& world, TriggerSink& triggers, http::Response unknown_route);

  /// By method and path alone, before anything else is looked at: the 404 of a forge that does not
  /// exist or of a route without a secret. /FORGE/NAME is there for every NAME as soon as there is
  /// any secret anywhere, so that nobody learns which names exist. nullopt: the route is there.
  std::optional<http::Response> guard(std::string_view forge,
                                      const std::optional<RepositoryName>& name);

  /// Starts to check the signature of a request that passed `guard`, by its head; reads the route's
  /// secrets. What it returns is to be given every byte of the body, and to `deliver` as
  /// `request.tap`. Its keep() is false when nothing can pass any more, which never depends on
  /// whether NAME exists; the work stays the same. nullptr: there is no such forge.
  std::shared_ptr<http::BodyTap> begin(std::string_view forge,
                                       const std::optional<RepositoryName>& name,
                                       const http::Request& head);

  /// Answers a POST that passed `guard` and the limits on size and media type, once: 401, 400, 200
  /// or 202, and 503 when a trigger could not be recorded, so that the forge shows the delivery as
  /// failed. A request without the tap that `begin` made for it is not authentic.
  http::Response deliver(std::string_view forge, const std::optional<RepositoryName>& name,
                         const http::Request& request);

  /// Runs a delivery again that was authentic once, by the configuration of now; never a duplicate.
  /// What became of it is reported to the world as well.
  DeliveryRecord run_again(std::string_view forge, const std::optional<RepositoryName>& route,
                           const std::string& id, const Delivery& delivery);

  /// To be called when a refresh failed: its deliveries are no duplicates when they come again.
  void refresh_failed(const RepositoryName& repository);

 private:
  RouteSecrets read_secrets(const MatchIndex& index, const std::optional<RepositoryName>& owner,
                            bool named);
  void refuse(DeliveryRecord& record);
  /// Decides, and fills in what was decided.
  Decision judge(DeliveryRecord& record, const Delivery& delivery);
  std::vector<Trigger> read(DeliveryRecord& record, const Forge& forge, std::string_view body);
  /// Whether every trigger joined a refresh that waits.
  bool hand_on(DeliveryRecord& record, const std::vector<Trigger>& triggers);
  bool hand_on_once(DeliveryRecord& record, const std::vector<Trigger>& triggers,
                    const Sha256& body_digest);
  void report(const DeliveryRecord& record);

  World& world_;
  TriggerSink& triggers_;
  const http::Response unknown_route_;

  Mutex mutex_;
  Duplicates duplicates_ GUARDED_BY(mutex_);
  Instant next_refusal_logged_ GUARDED_BY(mutex_){};
  std::int64_t refusals_unlogged_ GUARDED_BY(mutex_) = 0;
};

}  // namespace freshet::webhook
