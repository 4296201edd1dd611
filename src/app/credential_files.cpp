#include "app/credential_files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/credential_match.h"
#include "base/files.h"
#include "base/secret.h"
#include "remote/github_api.h"

namespace freshet::app {
namespace {

constexpr std::size_t kLargestFile = 16U << 20U;

/// The files of one credential, and what is found about them.
class Look {
 public:
  Look(const config::Credential& credential, std::vector<CredentialProblem>& found)
      : credential_(credential), found_(found) {}

  void at_files() {
    at_secret("token_file", credential_.token_file);
    at_secret("password_file", credential_.password_file);
    at_ssh_key(credential_.ssh_key_file);
    at_public("known_hosts_file", credential_.known_hosts_file);
    at_public("ca_file", credential_.ca_file);
    if (credential_.github_app) {
      at_app_key(*credential_.github_app);
    }
  }

  void at_use(const std::vector<UpstreamUrl>& upstreams) {
    const auto match = CredentialMatch::parse(credential_.match);
    const auto covered = [&](const UpstreamUrl& url) { return match && match->covers(url); };
    if (std::none_of(upstreams.begin(), upstreams.end(), covered)) {
      add("", "", "covers the url of no repository", false);
    }
  }

 private:
  void add(const char* key, const std::string& file, std::string message, bool fatal = true) {
    found_.push_back({credential_.match, key, file, std::move(message), fatal});
  }

  /// The mode of a file that is there; reports what is not.
  std::optional<struct stat> status_of(const char* key, const std::string& location) {
    const auto path = secret_path(location);
    if (!path) {
      add(key, location, path.error().message);
      return std::nullopt;
    }
    struct stat status {};
    if (::stat(path->c_str(), &status) != 0) {
      add(key, location, system_error(errno, "cannot read " + *path).message);
      return std::nullopt;
    }
    return status;
  }

  void at_secret(const char* key, const std::string& location) {
    const auto status = location.empty() ? std::nullopt : status_of(key, location);
    if (!status) {
      return;
    }
    if (const auto secret = read_secret(location); !secret) {
      add(key, location, secret.error().message);
    } else if ((status->st_mode & 0007U) != 0) {
      add(key, location,
          fmt::format("everybody on this machine can read the secret (mode {:04o}); `chmod 640 {}`",
                      status->st_mode & 07777U, location),
          false);
    }
  }

  void at_ssh_key(const std::string& location) {
    const auto status = location.empty() ? std::nullopt : status_of("ssh_key_file", location);
    if (!status) {
      return;
    }
    // As ssh judges it: what others own is theirs to protect.
    if (status->st_uid == ::geteuid() && (status->st_mode & 0077U) != 0) {
      add("ssh_key_file", location,
          fmt::format("ssh refuses a key that others can read (mode {:04o}); `chmod 600 {}`",
                      status->st_mode & 07777U, location));
    } else {
      at_secret("ssh_key_file", location);
    }
  }

  void at_public(const char* key, const std::string& location) {
    const auto status = location.empty() ? std::nullopt : status_of(key, location);
    if (!status) {
      return;
    }
    const auto content = read_file(*secret_path(location), kLargestFile);
    if (!content) {
      add(key, location, content.error().message);
    } else if (content->find_first_not_of(" \t\r\n") == std::string::npos) {
      add(key, location, "is empty");
    } else if ((status->st_mode & 0002U) != 0) {
      add(key, location,
          fmt::format("everybody on this machine can change it (mode {:04o}); `chmod o-w {}`",
                      status->st_mode & 07777U, location),
          false);
    }
  }

  void at_app_key(const config::GithubApp& app) {
    at_secret("github_app.private_key_file", app.private_key_file);
    const auto key = read_secret(app.private_key_file);
    const auto token = key ? remote::app_token(app.app_id, *key, wall_now()) : Result<Secret>();
    if (!token) {
      add("github_app.private_key_file", app.private_key_file, token.error().message);
    }
  }

  const config::Credential& credential_;
  std::vector<CredentialProblem>& found_;
};

}  // namespace

std::vector<CredentialProblem> check_credential_files(const config::Settings& settings) {
  std::vector<UpstreamUrl> upstreams;
  for (const config::Repository& repository : settings.repositories) {
    upstreams.push_back(repository.url);
  }
  std::vector<CredentialProblem> found;
  for (const config::Credential& credential : settings.credentials) {
    Look look(credential, found);
    look.at_files();
    look.at_use(upstreams);
  }
  return found;
}

}  // namespace freshet::app
