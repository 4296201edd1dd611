#pragma once

#include <string>
#include <vector>

#include "app/credential_files.h"
#include "app/drift_report.h"
#include "app/online_check.h"
#include "base/json.h"
#include "config/diagnostic.h"

/// How `freshet check` shows what it found.
namespace freshet::cli {

// The file: each problem, its line with marks below it, and how many there are.
void print_problems(const std::vector<config::Diagnostic>& problems);
Json to_json(const config::Diagnostic& problem);

/// The command that lets other users than the owner run git in the published trees.
void print_safe_directories(const std::vector<std::string>& directories);

void print_drift(const app::DriftReport& report);
Json to_json(const app::DriftReport& report);

/// What --online found.
struct Online {
  std::vector<app::CredentialProblem> credentials;
  std::vector<app::UpstreamReport> upstreams;
  bool failed() const;
};
void print_online(const Online& online);
Json to_json(const Online& online);

}  // namespace freshet::cli
