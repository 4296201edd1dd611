#include "config/table.h"

#include <algorithm>

#include "config/checks.h"

namespace freshet::config {
namespace {

template <class S>
using Rows = std::vector<Setting<S>>;

const Section<Server>& server_section() {
  static const Section<Server> section(
      Rows<Server>{
          {"listen", &Server::listen, listen_address(), "127.0.0.1:8480",
           "Where webhooks and health checks are answered."},
          {"tls_cert", &Server::tls_cert, file_or_empty(), "",
           "Certificate chain in PEM form; with tls_key: HTTPS. Read again when it changes."},
          {"tls_key", &Server::tls_key, file_or_empty(), "", "Private key of tls_cert."},
          {"max_body", &Server::max_body, size("1KiB", "1GiB"), "26MiB",
           "Largest body of a request; a larger one is answered 413. GitHub sends up to 25 MB."},
          {"trusted_proxies", &Server::trusted_proxies, list_of(cidr()), empty_list(),
           "Proxies whose X-Forwarded-For counts; who connects by a unix socket is one anyway."},
          {"allow", &Server::allow, list_of(cidr()), empty_list(),
           "Client addresses that are served, others are answered 403; empty: everybody."},
          {"rate_limit", &Server::rate_limit, rate(), "1000/min",
           "Requests of one IPv4 address or IPv6 /64, then 429; an authentic delivery does not "
           "count."},
          {"connections_per_address", &Server::connections_per_address, number(1, 65535), 64,
           "Open connections of one client address; trusted proxies and unix peers are exempt."},
          {"body_memory", &Server::body_memory, size("1KiB", "1TiB"), "256MiB",
           "Memory for the bodies of all requests together; 3/4 of it for those beyond 64 KiB."},
      },
      check_server);
  return section;
}

const Section<Admin>& admin_section() {
  static const Section<Admin> section(
      Rows<Admin>{
          {"listen", &Admin::listen, listen_address(), "127.0.0.1:8481",
           "Where the API, the status page and the metrics are answered."},
          {"token_file", &Admin::token_file, file_or_empty(), "",
           "Holds the token that callers show; required when others than this machine can "
           "connect."},
          {"hosts", &Admin::hosts, list_of(host_name()), empty_list(),
           "Host names that requests may carry beside IP addresses and localhost."},
          {"socket_mode", &Admin::socket_mode, octal_mode(), "0660",
           "Mode of the unix socket that listen names."},
      },
      check_admin);
  return section;
}

const Section<Webhook>& webhook_section() {
  static const Section<Webhook> section(Rows<Webhook>{
      {"secret_files", &Webhook::secret_files, list_of(file()), empty_list(),
       "Secrets that sign deliveries; any of them is accepted, none closes the routes."},
  });
  return section;
}

const Section<Log>& log_section() {
  using log::Format;
  using log::Level;
  static const Section<Log> section(Rows<Log>{
      {"format", &Log::format, choice<Format>({{"text", Format::text}, {"json", Format::json}}),
       "text", "Lines for people or for programs."},
      {"level", &Log::level,
       choice<Level>({{"debug", Level::debug},
                      {"info", Level::info},
                      {"warning", Level::warning},
                      {"error", Level::error}}),
       "info", "The least important lines that are written."},
  });
  return section;
}

const Section<Limits>& limits_section() {
  static const Section<Limits> section(Rows<Limits>{
      {"refreshes", &Limits::refreshes, number(1, 1024), 8, "Refreshes that run at once."},
      {"per_host", &Limits::per_host, number(1, 1024), 4,
       "Refreshes that run at once towards one upstream host."},
      {"min_free_disk", &Limits::min_free_disk, size("0"), "1GiB",
       "Nothing is fetched or published on a file system with less free space than this."},
      {"fetch_size", &Limits::fetch_size, size("0"), "0",
       "Largest pack that is taken; \"0\": any."},
  });
  return section;
}

const Section<GithubApp>& github_app_section() {
  static const Section<GithubApp> section(Rows<GithubApp>{
      {"app_id", &GithubApp::app_id, id(), kRequired, "The id of the app."},
      {"private_key_file", &GithubApp::private_key_file, file(), kRequired,
       "The app's private key in PEM form."},
      {"installation_id", &GithubApp::installation_id, id(0), std::int64_t{0},
       "The installation that may read the repositories; without it, it is looked up."},
      {"api_url", &GithubApp::api_url, http_url(), "https://api.github.com",
       "Another one for GitHub Enterprise."},
  });
  return section;
}

const Section<Credential>& credential_section() {
  static const Section<Credential> section(
      Rows<Credential>{
          {"match", &Credential::match, credential_match(), kRequired,
           "Upstream URLs that this is for; the longest match wins."},
          {"token_file", &Credential::token_file, file_or_empty(), "",
           "Holds an access token of GitHub, GitLab, Gitea, Forgejo or Bitbucket, shown over HTTPS "
           "as the "
           "password of Basic authentication."},
          {"username", &Credential::username, line_or_empty("a user name"), "",
           "User name for Basic authentication, with password_file."},
          {"password_file", &Credential::password_file, file_or_empty(), "",
           "Holds the password of username."},
          {"ssh_key_file", &Credential::ssh_key_file, file_or_empty(), "",
           "Private key for ssh, without a passphrase, with known_hosts_file. ssh takes none that "
           "others "
           "can read."},
          {"known_hosts_file", &Credential::known_hosts_file, file_or_empty(), "",
           "Host keys that are trusted over ssh, as `ssh-keyscan HOST` prints them; compare them "
           "with "
           "what the forge publishes."},
          {"ca_file", &Credential::ca_file, file_or_empty(), "",
           "Certificate authorities in PEM form that are trusted over HTTPS in place of the "
           "system's; may "
           "stand beside a sign-in or alone."},
          {"github_app", &Credential::github_app, github_app_section,
           "Signs in as an installation of a GitHub App."},
      },
      check_credential);
  return section;
}

const Section<Gate>& gate_section() {
  static const Section<Gate> section(Rows<Gate>{
      {"run", &Gate::run, arguments(), kRequired,
       "Program and arguments, without a shell, run in the candidate tree; a status other than 0 "
       "keeps "
       "the tree from being published."},
      {"timeout", &Gate::timeout, duration("1s"), "60s", "After it the program is ended."},
  });
  return section;
}

const Section<OnUpdate>& on_update_section() {
  static const Section<OnUpdate> section(
      Rows<OnUpdate>{
          {"run", &OnUpdate::run, arguments(), kNone,
           "Program and arguments, without a shell, run in the new tree with FRESHET_REPOSITORY "
           "and the "
           "like in its environment. Tried again until it ends with 0 or something newer is "
           "published."},
          {"timeout", &OnUpdate::timeout, duration("1s"), "60s", "After it the try is ended."},
          {"post", &OnUpdate::post, http_url(), kNone,
           "Where a POST with the update as JSON is sent, signed as Standard Webhooks says."},
          {"secret_file", &OnUpdate::secret_file, file_or_empty(), "",
           "Holds the key that signs it: a text, or \"whsec_\" and Base64."},
          {"paths", &OnUpdate::paths, list_of(line("a glob such as \"conf/**\"")), empty_list(),
           "Only when a changed path matches one of them; \"*\" stays within a directory, \"**\" "
           "does not."},
          {"refs", &OnUpdate::refs, list_of(ref_pattern()), empty_list(),
           "Only for checkouts of these refs."},
      },
      check_on_update);
  return section;
}

/// What [[repository.checkout]] shares with the shorthand in [[repository]] and with [defaults].
template <class S>
void add_checkout_rows(Rows<S>& rows) {
  const auto mode = choice<CheckoutMode>(
      {{"atomic", CheckoutMode::atomic}, {"in_place", CheckoutMode::in_place}});
  rows.insert(
      rows.end(),
      {{"ref", &Checkout::ref, checkout_ref(), "HEAD",
        "Branch, tag, full ref or full commit hash; HEAD is the upstream's default branch."},
       {"mode", &Checkout::mode, mode, "atomic",
        "\"atomic\": the path is a symbolic link that is switched, and no reader sees a mixture of "
        "two "
        "commits. \"in_place\": it is a directory in which each file is replaced, and files that "
        "are "
        "not tracked stay."},
       {"keep_old", &Checkout::keep_old, duration("0s"), "60s",
        "How long a replaced tree stays complete for who still reads it; atomic only."},
       {"git", &Checkout::git, flag(), true,
        "Whether git commands work in the tree. Without it the tree is cheaper and holds no .git."},
       {"group", &Checkout::group, line_or_empty("the name of a group"), "",
        "Group of the published files; empty: left as it is."}});
}

const Section<Checkout>& checkout_section() {
  static const Section<Checkout> section = [] {
    Rows<Checkout> rows{
        {"path", &Checkout::path, checkout_path(), kRequired,
         "Where the tree is published. A path that exists and is not freshet's is left alone."}};
    add_checkout_rows(rows);
    return Section<Checkout>(std::move(rows));
  }();
  return section;
}

/// A checkout inherits what [[repository]] says for all of its checkouts; the shorthand's ref is
/// the shorthand's own.
Checkout inherited_checkout(const RepositoryTable& repository) {
  Checkout checkout = repository;
  checkout.path.clear();
  checkout.ref = repository.default_ref;
  return checkout;
}

Rows<RepositoryTable> repository_rows() {
  Rows<RepositoryTable> rows{
      {"name", &Repository::name, repository_name(), kNone,
       "Unique name; without it host/path of the url."},
      {"url", &Repository::url, upstream_url(), kRequired,
       "The upstream that is followed: https://, http://, ssh:// or USER@HOST:PATH, git://, "
       "file:// or an "
       "absolute path. It holds no password; see [[credential]]."},
      {"path", &Checkout::path, checkout_path(), kNone,
       "Shorthand for one checkout, which the checkout keys beside it describe."},
      {"interval", &Repository::interval, duration_or_off("1s"), "60s",
       "How often the upstream is asked for news, with jitter; \"off\": only when a delivery or a "
       "person "
       "says so."},
      {"webhook_interval", &Repository::webhook_interval, duration("1s"), "15m",
       "How often it is asked while deliveries prove to arrive."},
      {"refs", &Repository::refs, list_of(ref_pattern()), empty_list(),
       "Refs that are mirrored beside what the checkouts need; a mirror: all heads and tags."},
      {"depth", &Repository::depth, number(0, 2147483647), 0,
       "Commits of history that are fetched; 0: all. A gain for large histories of which nobody "
       "reads "
       "more than the last commits."},
      {"match", &Repository::match, list_of(host_path()), empty_list(),
       "Further host/path names under which deliveries speak of this repository."},
      {"timeout", &Repository::timeout, duration("1s"), "10m",
       "How long a refresh may take before it fails."},
      {"first_timeout", &Repository::first_timeout, duration("1s"), "6h",
       "The same for the first fetch, which brings everything."},
      {"stall_timeout", &Repository::stall_timeout, duration("1s"), "30s",
       "How long the upstream may send nothing."},
      {"webhook_secret_files", &Repository::webhook_secret_files, list_of(file()), empty_list(),
       "Secrets of this repository's own webhook route; empty: those of [webhook]."},
      {"mirror", &Repository::mirror, flag(), false,
       "Follow all heads and tags; no checkout is needed."}};
  add_checkout_rows(rows);
  rows.insert(
      rows.end(),
      {{"checkout", &Repository::checkouts, checkout_section, "Publishes one ref at one path.",
        std::function<Checkout(const RepositoryTable&)>(inherited_checkout)},
       {"gate", &Repository::gates, gate_section, "Judges a tree before it is published."},
       {"on_update", &Repository::on_update, on_update_section,
        "Runs a program or sends a request after an update."}});
  return rows;
}

const Section<RepositoryTable>& repository_section() {
  static const Section<RepositoryTable> section(repository_rows(), complete_repository);
  return section;
}

/// What cannot be the same for several repositories is unknown here.
const Section<RepositoryTable>& defaults_section() {
  static const Section<RepositoryTable> section = [] {
    Rows<RepositoryTable> rows = repository_rows();
    rows.erase(std::remove_if(rows.begin(), rows.end(),
                              [](const Setting<RepositoryTable>& row) {
                                return row.key() == "name" || row.key() == "url" ||
                                       row.key() == "path" || row.key() == "checkout";
                              }),
               rows.end());
    return Section<RepositoryTable>(std::move(rows));
  }();
  return section;
}

RepositoryTable repository_with_defaults(const File& file) {
  RepositoryTable repository = file.defaults;
  repository.default_ref = file.defaults.ref;
  return repository;
}

}  // namespace

const Section<File>& file_section() {
  static const Section<File> section(
      Rows<File>{
          {"state_dir", &Settings::state_dir, directory(), "/var/lib/freshet",
           "Holds mirrors and what is remembered across restarts; one process at a time."},
          {"watch_config", &Settings::watch_config, flag(), false,
           "Reload when this file changes, as after SIGHUP."},
          {"server", &Settings::server, server_section, "The public listener."},
          {"admin", &Settings::admin, admin_section, "The private listener."},
          {"webhook", &Settings::webhook, webhook_section, "Deliveries of every repository."},
          {"log", &Settings::log, log_section, "Log lines on standard error."},
          {"limits", &Settings::limits, limits_section, "What is used at most."},
          {"credential", &Settings::credentials, credential_section, "Signs in at upstreams."},
          {"defaults", &File::defaults, defaults_section,
           "What holds for every repository that does not say otherwise."},
          {"repository", &File::tables, repository_section, "One repository that is followed.",
           std::function<RepositoryTable(const File&)>(repository_with_defaults)},
      },
      check_file);
  return section;
}

}  // namespace freshet::config
