#include "app/specs.h"

#include "base/files.h"
#include "base/hmac.h"
#include "sync/publishing.h"
#include "sync/ref_selection.h"

namespace freshet::app {
namespace {

/// A path component that cannot lead anywhere else: letters, digits and "._-+~" stay, any other
/// byte becomes %XX, and so does a dot in front.
std::string safe_component(std::string_view part) {
  std::string result;
  for (const char c : part) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("_-+~").find(c) != std::string_view::npos ||
                       (c == '.' && !result.empty());
    if (plain) {
      result += c;
    } else {
      result += '%' + to_hex(std::string_view(&c, 1));
    }
  }
  return result;
}

/// ".git" behind every last component keeps "acme" and "acme/docs" apart: no mirror lies in
/// another.
std::string mirror_path(const std::string& root, const UpstreamUrl& url) {
  std::string path = root;
  std::string identity = url.identity();
  if (!url.port().empty()) {
    identity.insert(std::min(identity.find('/'), identity.size()), "+" + url.port());
  }
  std::size_t begin = 0;
  while (begin < identity.size()) {
    const std::size_t end = std::min(identity.find('/', begin), identity.size());
    if (end > begin) {
      std::string component = safe_component(std::string_view(identity).substr(begin, end - begin));
      if (end < identity.size() && component.ends_with(".git")) {
        component.replace(component.size() - 4, 1, "%2e");
      }
      path += '/' + component;
    }
    begin = end + 1;
  }
  return path + ".git";
}

/// What tells the mirrors of one upstream apart. A long name is not written out, since encoded it
/// could be longer than a file's name may be.
std::string own_mark(const RepositoryName& name) {
  constexpr std::size_t kLongest = 100;
  std::string mark = safe_component(name.text());
  return mark.size() <= kLongest ? mark : to_hex(sha256(name.text())).substr(0, 32);
}

checkout::CheckoutSpec checkout_spec(const config::Checkout& checkout) {
  return {checkout.path,
          checkout.ref,
          std::string(config::to_string(checkout.mode)),
          checkout.keep_old,
          checkout.git,
          checkout.group,
          0};
}

sync::RepositorySpec repository_spec(const config::Repository& repository, std::string mirror) {
  sync::RepositorySpec spec;
  spec.name = repository.name;
  spec.url = repository.url;
  spec.mirror = std::move(mirror);
  for (const std::string& pattern : repository.refs) {
    spec.follows.push_back({pattern});
  }
  for (const config::Checkout& checkout : repository.checkouts) {
    spec.checkouts.push_back(checkout_spec(checkout));
  }
  spec.depth = static_cast<int>(repository.depth);
  spec.time_limit = repository.timeout;
  spec.first_time_limit = repository.first_timeout;
  spec.silence_limit = repository.stall_timeout;
  return spec;
}

}  // namespace

StateLayout::StateLayout(const std::string& state_dir)
    : root(state_dir),
      lock(state_dir + "/lock"),
      mirrors(state_dir + "/mirrors"),
      journal(state_dir + "/journal"),
      notify(state_dir + "/notify"),
      gates(state_dir + "/gates"),
      paused(state_dir + "/paused.json"),
      ledger(state_dir + "/ledger.sqlite3") {}

std::vector<std::shared_ptr<const sync::RepositorySpec>> repository_specs(
    const config::Settings& settings) {
  const StateLayout layout(settings.state_dir);
  std::map<std::string, int> users;
  std::vector<std::shared_ptr<const sync::RepositorySpec>> specs;
  for (const config::Repository& repository : settings.repositories) {
    std::string path = mirror_path(layout.mirrors, repository.url);
    if (users[path]++ > 0) {
      path += "@" + own_mark(repository.name);
    }
    sync::RepositorySpec spec = repository_spec(repository, path);
    spec.largest_pack = settings.limits.fetch_size;
    spec.min_free_disk = settings.limits.min_free_disk;
    for (checkout::CheckoutSpec& checkout : spec.checkouts) {
      checkout.min_free_disk = spec.min_free_disk;
    }
    specs.push_back(std::make_shared<const sync::RepositorySpec>(std::move(spec)));
  }
  return specs;
}

schedule::Limits schedule_limits(const config::Settings& settings) {
  schedule::Limits limits;
  limits.refreshes = static_cast<int>(settings.limits.refreshes);
  limits.per_host = static_cast<int>(settings.limits.per_host);
  return limits;
}

schedule::Followed scheduled(const config::Repository& repository) {
  schedule::Followed followed;
  followed.name = repository.name;
  followed.host = HostKey(repository.url.host_key());
  followed.interval = repository.interval;
  followed.webhook_interval = repository.webhook_interval;
  const auto transport = repository.url.transport();
  followed.probes =
      transport == UpstreamUrl::Transport::https || transport == UpstreamUrl::Transport::http;
  return followed;
}

std::vector<notify::Action> actions(const config::Repository& repository) {
  std::vector<notify::Action> actions;
  for (const config::OnUpdate& update : repository.on_update) {
    actions.push_back(
        {update.run, update.post, update.secret_file, update.timeout, update.paths, update.refs});
  }
  return actions;
}

std::vector<notify::Gate> gates(const config::Repository& repository) {
  std::vector<notify::Gate> gates;
  for (const config::Gate& gate : repository.gates) {
    gates.push_back({gate.run, gate.timeout});
  }
  return gates;
}

std::vector<remote::CredentialSpec> credential_specs(const config::Settings& settings) {
  std::vector<remote::CredentialSpec> specs;
  for (const config::Credential& credential : settings.credentials) {
    remote::CredentialSpec spec{credential.match,        credential.token_file,
                                credential.username,     credential.password_file,
                                credential.ssh_key_file, credential.known_hosts_file,
                                credential.ca_file,      std::nullopt};
    if (const auto& app = credential.github_app) {
      spec.github_app = remote::GithubAppSpec{app->app_id, app->private_key_file,
                                              app->installation_id, app->api_url};
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

webhook::Followed matched(const config::Repository& repository) {
  webhook::Followed followed;
  followed.name = repository.name;
  followed.url = repository.url.text();
  followed.match = repository.match;
  followed.own_secrets = repository.webhook_secret_files.size();
  for (const config::Checkout& checkout : repository.checkouts) {
    const sync::RefChoice choice = sync::parse_ref_choice(checkout.ref);
    if (choice.default_branch) {
      followed.refs.emplace_back("HEAD");
    }
    if (choice.commit) {
      followed.refs.push_back(choice.commit->hex());
    }
    for (const RefName& candidate : choice.candidates) {
      followed.refs.push_back(candidate.text());
    }
  }
  followed.refs.insert(followed.refs.end(), repository.refs.begin(), repository.refs.end());
  return followed;
}

RepositoryAdded announced(const sync::RepositorySpec& spec) {
  RepositoryAdded added{spec.name, redact_urls(spec.url.text()), {}};
  for (const checkout::CheckoutSpec& checkout : spec.checkouts) {
    added.checkouts.push_back(sync::checkout_status(checkout));
  }
  return added;
}

}  // namespace freshet::app
