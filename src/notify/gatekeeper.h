#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "model/publication.h"
#include "notify/records.h"

namespace freshet::notify {

/// A command that decides whether a tree is published.
struct Gate {
  std::vector<std::string> run;
  Duration timeout{};
};

/// Runs a repository's gates, and remembers what they refused, so that a commit is judged once: not
/// again before something newer came, a person asks for it (Cause::manual), or the gates were
/// changed. Thread-safe.
class Gatekeeper : public PublicationGate {
 public:
  /// What it needs of the world.
  class World {
   public:
    virtual ~World() = default;
    virtual std::vector<Gate> gates_of(const RepositoryName& name) = 0;
    virtual ChangedPaths changed_paths(const Publication& publication) = 0;
    virtual const std::vector<std::string>& command_environment() = 0;
  };

  Gatekeeper(World& world, std::string directory)
      : world_(world), refusals_(std::move(directory)) {}

  /// False where the repository has no gate.
  Result<bool> admit(const Publication& candidate) override;
  /// The gates in their order; the first that refuses ends it. One that cannot be started, and one
  /// that was cancelled, has not judged.
  Result<void> judge(const Publication& candidate, const CancelToken& cancel) override;

 private:
  World& world_;
  const Records refusals_;
};

}  // namespace freshet::notify
