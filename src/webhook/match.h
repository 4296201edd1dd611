#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/ids.h"
#include "webhook/payload.h"

namespace freshet::webhook {

/// A repository, as far as deliveries can mean it.
struct Followed {
  RepositoryName name;
  std::string url;
  std::vector<std::string> match;  ///< further names: "host/path", URLs or local paths
  /// Full refs, patterns with one "*" ("refs/heads/*"), and "HEAD" for the default branch. Anything
  /// else (a commit hash) may come with any ref, and so may everything when the list is empty.
  std::vector<std::string> refs;
  std::size_t own_secrets = 0;  ///< how many; with any the general route does not reach it
};

/// Whether a change of `ref` can matter to the repository. HEAD stands for the branches that may be
/// the default one; when none is known it stands for each branch: a wrong yes costs a request, a
/// wrong no a push.
bool follows(const Followed& repository, const RefName& ref,
             const std::vector<RefName>& default_branches);

/// Finds the repositories that a payload means, in constant time whatever their number. Immutable
/// once made, so any number of threads may read it.
class MatchIndex {
 public:
  explicit MatchIndex(std::vector<Followed> repositories);
  MatchIndex(const MatchIndex&) = delete;
  MatchIndex& operator=(const MatchIndex&) = delete;

  /// What the general route reaches, in the order given to the constructor. Compared are host and
  /// path of every URL, and names of repositories here; only when no URL has a host and nothing
  /// matched, full names with the paths.
  std::vector<const Followed*> meant_by(const Identity& identity) const;

  /// Of any repository, with secrets of its own or without; nullptr: there is none of that name.
  const Followed* find(const RepositoryName& name) const;

  /// The repository with the most secrets of its own; nullptr: none has any.
  const Followed* most_secrets() const {
    return most_secrets_ ? &repositories_[*most_secrets_] : nullptr;
  }

 private:
  using Positions = std::unordered_map<std::string, std::vector<std::uint32_t>>;
  void add(std::uint32_t position, std::string_view text);

  std::vector<Followed> repositories_;
  Positions by_url_;        ///< comparable_url(); a local path starts with "/"
  Positions by_full_name_;  ///< the path alone
  std::unordered_map<RepositoryName, std::uint32_t> by_name_;
  std::optional<std::uint32_t> most_secrets_;
};

}  // namespace freshet::webhook
