#include "app/surroundings.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "base/files.h"
#include "base/result.h"
#include "base/secret.h"
#include "checkout/slot_builder.h"

namespace freshet::app {
namespace {

using config::Finding;

/// Whether this user can write in the directory, or the nearest above it that is there.
Result<void> check_open(std::string directory) {
  while (directory != "/" && ::access(directory.c_str(), F_OK) != 0 && errno == ENOENT) {
    directory = parent_path(directory);
  }
  if (::access(directory.c_str(), W_OK | X_OK) != 0) {
    return fail(system_error(errno, "no writing in " + directory));
  }
  return {};
}

void look_at_places(const config::Settings& settings, std::vector<Finding>& findings) {
  if (const auto open = check_open(settings.state_dir); !open) {
    findings.push_back(
        {"state_dir", settings.state_dir, "nothing can be kept: " + open.error().message});
  }
  for (const config::Repository& repository : settings.repositories) {
    for (const config::Checkout& checkout : repository.checkouts) {
      if (checkout.mode == config::CheckoutMode::in_place && is_directory(checkout.path)) {
        continue;  // only the first time anything is made beside it
      }
      if (const auto open = check_open(parent_path(checkout.path)); !open) {
        findings.push_back({"repository.path", checkout.path,
                            checkout.path + " cannot be published: " + open.error().message});
      }
    }
  }
}

void look_for_groups(const config::Settings& settings, std::vector<Finding>& findings) {
  std::set<std::string> groups;
  for (const config::Repository& repository : settings.repositories) {
    for (const config::Checkout& checkout : repository.checkouts) {
      groups.insert(checkout.group);
    }
  }
  for (const std::string& group : groups) {
    if (const auto found = checkout::find_group(group); !found) {
      findings.push_back({"repository.group", group, found.error().message});
    }
  }
}

/// Only what is named by a full path: the service may look elsewhere for the others than this user.
/// What a checkout brings may come with the first refresh.
void look_for_programs(const config::Settings& settings, std::vector<Finding>& findings) {
  for (const config::Repository& repository : settings.repositories) {
    const auto look_for = [&](const std::vector<std::string>& run, const char* key) {
      if (run.empty() || !run.front().starts_with('/')) {
        return;
      }
      const std::string& program = run.front();
      const bool is_published =
          std::any_of(repository.checkouts.begin(), repository.checkouts.end(),
                      [&](const auto& one) { return program.starts_with(one.path + "/"); });
      if (!is_published && ::access(program.c_str(), X_OK) != 0) {
        findings.push_back({key, program, system_error(errno, "cannot run " + program).message});
      }
    };
    for (const config::Gate& gate : repository.gates) {
      look_for(gate.run, "repository.gate.run");
    }
    for (const config::OnUpdate& command : repository.on_update) {
      look_for(command.run, "repository.on_update.run");
    }
  }
}

/// Those that only the service manager could hand out are passed over.
void look_for_secrets(const config::Settings& settings, std::vector<Finding>& findings) {
  std::set<std::pair<std::string, std::string>> seen;
  const auto look_at = [&](const std::string& key, const std::string& location,
                           const char* follows) {
    if (location.empty() || !seen.emplace(key, location).second || !secret_path(location)) {
      return;
    }
    if (const auto secret = read_secret(location); !secret) {
      findings.push_back({key, location, secret.error().message + ": " + follows});
    }
  };
  for (const std::string& location : settings.webhook.secret_files) {
    look_at("webhook.secret_files", location, "nobody can sign with it");
  }
  look_at("admin.token_file", settings.admin.token_file, "nobody can sign in");
  for (const config::Repository& repository : settings.repositories) {
    for (const std::string& location : repository.webhook_secret_files) {
      look_at("repository.webhook_secret_files", location, "nobody can sign with it");
    }
    for (const config::OnUpdate& command : repository.on_update) {
      look_at("repository.on_update.secret_file", command.secret_file, "no request can be signed");
    }
  }
}

}  // namespace

std::vector<Finding> look_around(const config::Settings& settings) {
  std::vector<Finding> findings;
  look_for_secrets(settings, findings);
  look_at_places(settings, findings);
  look_for_groups(settings, findings);
  look_for_programs(settings, findings);
  return findings;
}

}  // namespace freshet::app
