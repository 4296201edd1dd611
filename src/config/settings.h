#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/quantity.h"
#include "base/url.h"
#include "config/listen_address.h"
#include "model/ids.h"

/// What a configuration file says, checked. Plain data without defaults of its own: objects come
/// from load.h, which fills them from the one table of settings (table.cpp). A `*_file` is an
/// absolute path or "credential:NAME", as read_secret takes it; empty: not set.
namespace freshet::config {

struct Server {
  ListenAddress listen;
  std::string tls_cert;
  std::string tls_key;
  std::uint64_t max_body = 0;                ///< bytes
  std::vector<std::string> trusted_proxies;  ///< CIDRs or single addresses
  std::vector<std::string> allow;            ///< the same; empty: everybody
  Rate rate_limit;
  unsigned connections_per_address = 0;
  std::uint64_t body_memory = 0;  ///< bytes
};

struct Admin {
  ListenAddress listen;
  std::string token_file;
  std::vector<std::string> hosts;
  unsigned socket_mode = 0;
};

struct Webhook {
  std::vector<std::string> secret_files;  ///< empty: the general routes do not exist
};

struct Log {
  log::Format format = log::Format::text;
  log::Level level = log::Level::info;
};

struct Limits {
  unsigned refreshes = 0;
  unsigned per_host = 0;
  std::uint64_t min_free_disk = 0;  ///< bytes
  std::uint64_t fetch_size = 0;     ///< bytes; 0: no limit
};

struct GithubApp {
  std::int64_t app_id = 0;
  std::string private_key_file;
  std::int64_t installation_id = 0;
  std::string api_url;
  bool operator==(const GithubApp&) const = default;
};

/// How to sign in at the upstreams that `match` covers. Exactly one of token_file, username with
/// password_file, ssh_key_file with known_hosts_file, and github_app is set; none beside a ca_file.
struct Credential {
  std::string match;
  std::string token_file;
  std::string username;
  std::string password_file;
  std::string ssh_key_file;
  std::string known_hosts_file;
  std::string ca_file;
  std::optional<GithubApp> github_app;
  bool operator==(const Credential&) const = default;
};

enum class CheckoutMode { atomic, in_place };
std::string_view to_string(CheckoutMode mode);

struct Checkout {
  std::string path;  ///< absolute, without ".."
  std::string ref;   ///< "HEAD" (the default branch), branch, tag, full ref or full commit hash
  CheckoutMode mode = CheckoutMode::atomic;
  Duration keep_old{};
  bool git = false;
  std::string group;  ///< empty: left as it is
  bool operator==(const Checkout&) const = default;
};

/// Runs on the candidate tree before it is published.
struct Gate {
  std::vector<std::string> run;
  Duration timeout{};
  bool operator==(const Gate&) const = default;
};

/// Runs or posts after an update. Exactly one of `run` and `post` is set.
struct OnUpdate {
  std::vector<std::string> run;
  Duration timeout{};
  std::string post;  ///< an http or https URL
  std::string secret_file;
  std::vector<std::string> paths;  ///< globs; empty: every change
  std::vector<std::string> refs;   ///< as Repository::refs; empty: every ref
  bool operator==(const OnUpdate&) const = default;
};

struct Repository {
  RepositoryName name;
  UpstreamUrl url;
  std::optional<Duration> interval;  ///< nullopt: not polled
  Duration webhook_interval{};
  /// Full refs, or prefixes ended by "*", that are fetched beside what the checkouts need. Empty:
  /// no others. All heads and tags for a mirror that does not say.
  std::vector<std::string> refs;
  unsigned depth = 0;              ///< 0: full history
  std::vector<std::string> match;  ///< further host/path names
  Duration timeout{};
  Duration first_timeout{};
  Duration stall_timeout{};
  std::vector<std::string> webhook_secret_files;  ///< empty: those of Webhook count
  bool mirror = false;
  std::vector<Checkout> checkouts;  ///< the shorthand's first
  std::vector<Gate> gates;
  std::vector<OnUpdate> on_update;
  bool operator==(const Repository&) const = default;
};

struct Settings {
  std::string state_dir;
  bool watch_config = false;
  Server server;
  Admin admin;
  Webhook webhook;
  Log log;
  Limits limits;
  std::vector<Credential> credentials;
  std::vector<Repository> repositories;  ///< in the order of the file
};

}  // namespace freshet::config
