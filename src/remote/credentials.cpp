#include "remote/credentials.h"

#include <algorithm>
#include <cstdlib>

#include "base/base64.h"
#include "base/credential_match.h"
#include "base/log.h"
#include "remote/github_app.h"

namespace freshet::remote {
namespace {

/// GitHub wants this name beside an App's token; for the other kinds of tokens it, GitLab, Gitea
/// and Forgejo take any.
constexpr const char* kTokenUser = "x-access-token";

struct Entry {
  CredentialSpec spec;
  CredentialMatch match;
  std::unique_ptr<GithubApp> app;  ///< none without spec.github_app

  bool signs_in_over_http() const {
    return app != nullptr || !spec.token_file.empty() || !spec.password_file.empty();
  }
};

/// Where a file is that another program opens: read_secret finds those that freshet reads. A
/// credential that the service manager did not pass keeps its name, for the program's message.
std::string path_of(const std::string& location) {
  constexpr std::string_view kCredential = "credential:";
  const char* directory = ::secure_getenv("CREDENTIALS_DIRECTORY");
  if (!location.starts_with(kCredential) || directory == nullptr) {
    return location;
  }
  return std::string(directory) + "/" + location.substr(kCredential.size());
}

/// Neither a header nor git's credential protocol can carry such a text whole.
bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

Result<HttpLogin> read_login(const CredentialSpec& spec) {
  const bool by_token = !spec.token_file.empty();
  const std::string& file = by_token ? spec.token_file : spec.password_file;
  FRESHET_TRY(Secret password, read_secret(file));
  if (has_control_characters(password.reveal())) {
    return fail(ErrorClass::config,
                "the secret file " + file + " holds more than one line or a control character");
  }
  std::string username = by_token && spec.username.empty() ? kTokenUser : spec.username;
  if (username.find(':') != std::string::npos || has_control_characters(username)) {
    return fail(ErrorClass::config,
                "the username beside " + file + " holds a \":\" or a control character");
  }
  return HttpLogin{std::move(username), std::move(password)};
}

bool is_http(const UpstreamUrl& url) {
  return url.transport() == UpstreamUrl::Transport::https ||
         url.transport() == UpstreamUrl::Transport::http;
}

}  // namespace

struct Credentials::Parts {
  std::vector<Entry> entries;  ///< as the specs; constant

  /// The longest match among those that `says_something`; the first of equals.
  template <class Predicate>
  const Entry* find(const UpstreamUrl& url, Predicate says_something) const {
    const Entry* found = nullptr;
    for (const Entry& entry : entries) {
      if (says_something(entry) && entry.match.covers(url) &&
          (found == nullptr || entry.match.weight() > found->match.weight())) {
        found = &entry;
      }
    }
    return found;
  }

  const Entry* http_entry(const UpstreamUrl& url) const {
    return is_http(url) ? find(url, [](const Entry& e) { return e.signs_in_over_http(); })
                        : nullptr;
  }

  const Entry* ssh_entry(const UpstreamUrl& url) const {
    return url.transport() == UpstreamUrl::Transport::ssh
               ? find(url,
                      [](const Entry& e) {
                        return !e.spec.ssh_key_file.empty() || !e.spec.known_hosts_file.empty();
                      })
               : nullptr;
  }

  const Entry* ca_entry(const UpstreamUrl& url) const {
    return find(url, [](const Entry& e) { return !e.spec.ca_file.empty(); });
  }
};

Credentials::Credentials(std::vector<CredentialSpec> specs, HttpClient& api,
                         const std::function<WallTime()>& clock)
    : parts_(std::make_unique<Parts>()) {
  for (CredentialSpec& spec : specs) {
    auto match = CredentialMatch::parse(spec.match);
    if (!match) {
      log::warning("a credential covers nothing", {{"match", match.error().message}});
      continue;
    }
    std::unique_ptr<GithubApp> app;
    if (spec.github_app) {
      app = std::make_unique<GithubApp>(*spec.github_app, path_of(spec.ca_file), api, clock);
    }
    parts_->entries.push_back({std::move(spec), std::move(*match), std::move(app)});
  }
}

Credentials::~Credentials() = default;

Result<std::optional<HttpLogin>> Credentials::http_login(const UpstreamUrl& url,
                                                         const CancelToken& cancel) {
  const Entry* entry = parts_->http_entry(url);
  if (entry == nullptr) {
    return std::nullopt;
  }
  if (entry->app) {
    FRESHET_TRY(Secret token, entry->app->token(url, cancel));
    return HttpLogin{kTokenUser, std::move(token)};
  }
  FRESHET_TRY(HttpLogin login, read_login(entry->spec));
  return std::optional<HttpLogin>(std::move(login));
}

bool Credentials::rejected(const UpstreamUrl& url, const HttpLogin& login) {
  const Entry* entry = parts_->http_entry(url);
  if (entry == nullptr) {
    return false;
  }
  if (entry->app) {
    return entry->app->rejected(url, login.password);
  }
  const auto fresh = read_login(entry->spec);
  return fresh &&
         (fresh->username != login.username || fresh->password.reveal() != login.password.reveal());
}

SshLogin Credentials::ssh_login(const UpstreamUrl& url) const {
  const Entry* entry = parts_->ssh_entry(url);
  return entry == nullptr
             ? SshLogin{}
             : SshLogin{path_of(entry->spec.ssh_key_file), path_of(entry->spec.known_hosts_file)};
}

std::string Credentials::ca_file(const UpstreamUrl& url) const {
  const Entry* entry = parts_->ca_entry(url);
  return entry == nullptr ? "" : path_of(entry->spec.ca_file);
}

std::vector<CredentialSpec> Credentials::used_for(const UpstreamUrl& url) const {
  const Entry* sign_in = is_http(url) ? parts_->http_entry(url) : parts_->ssh_entry(url);
  const Entry* ca = is_http(url) ? parts_->ca_entry(url) : nullptr;
  std::vector<CredentialSpec> used;
  for (const Entry* entry : {sign_in, ca == sign_in ? nullptr : ca}) {
    if (entry != nullptr) {
      used.push_back(entry->spec);
    }
  }
  return used;
}

Secret basic_authorization(const HttpLogin& login) {
  return Secret("Basic " + to_base64(login.username + ":" + std::string(login.password.reveal())));
}

}  // namespace freshet::remote
