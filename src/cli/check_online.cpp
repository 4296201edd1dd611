#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "cli/check_report.h"
#include "cli/output.h"
#include "cli/style.h"

namespace freshet::cli {
namespace {

/// Key and file of what a credential names; never what is in them.
std::vector<std::pair<std::string, std::string>> files_of(const remote::CredentialSpec& spec) {
  std::vector<std::pair<std::string, std::string>> files{
      {"token_file", spec.token_file},
      {"password_file", spec.password_file},
      {"ssh_key_file", spec.ssh_key_file},
      {"known_hosts_file", spec.known_hosts_file},
      {"github_app.private_key_file", spec.github_app ? spec.github_app->private_key_file : ""},
      {"ca_file", spec.ca_file}};
  files.erase(std::remove_if(files.begin(), files.end(),
                             [](const auto& file) { return file.second.empty(); }),
              files.end());
  return files;
}

std::string credentials_of(const app::UpstreamReport& report) {
  if (report.used.empty()) {
    return "without a [[credential]]";
  }
  std::string text;
  for (const remote::CredentialSpec& spec : report.used) {
    text += (text.empty() ? "credential \"" : ", and \"") + spec.match + "\" (";
    std::string files;
    for (const auto& [key, file] : files_of(spec)) {
      files += (files.empty() ? "" : ", ") + key + " " + file;
    }
    text += files + ")";
  }
  return text;
}

std::string found_text(const app::WantedRef& wanted) {
  const std::string commit = wanted.id ? wanted.id->short_hex() : "";
  return wanted.ref ? wanted.ref->text() + " at " + commit
                    : "commit " + commit + ", which only a fetch can find";
}

std::string branch_text(const app::UpstreamReport& report) {
  return report.default_branch ? "default branch " + report.default_branch->text()
                               : "no default branch";
}

void print_upstream(const app::UpstreamReport& report, const Style& style) {
  const std::string name = style(Colour::bold, report.repository.text()) + ": ";
  const auto print_error = [&](const Error& error) {
    print_styled(name +
                 style(Colour::red, fmt::format("failed ({})", to_string(error.error_class))) +
                 style(Colour::plain, ": " + error.message));
    print_line("    " + report.url + ", " + credentials_of(report));
    print_line("    " + std::string(advice_for(error)));
  };
  if (report.error) {
    print_error(*report.error);
    return;
  }
  std::string found = branch_text(report);
  for (const app::WantedRef& wanted : report.refs) {
    if (wanted.error) {
      print_error(*wanted.error);
    } else if (wanted.wanted != "HEAD") {
      found += "; " + wanted.path + " follows " + found_text(wanted);
    }
  }
  if (!report.failed()) {
    print_styled(name + style(Colour::green, "ok") +
                 style(Colour::plain, ", " + found + "; " + credentials_of(report)));
  }
}

Json to_json(const std::optional<Error>& error) {
  return error ? Json::object({{"class", to_string(error->error_class)},
                               {"message", error->message},
                               {"advice", advice_for(*error)}})
               : Json();
}

Json to_json(const app::WantedRef& wanted) {
  return Json::object({{"path", wanted.path.empty() ? Json() : Json(wanted.path)},
                       {"wanted", wanted.wanted},
                       {"ref", wanted.ref ? Json(wanted.ref->text()) : Json()},
                       {"commit", wanted.id ? Json(wanted.id->hex()) : Json()},
                       {"error", to_json(wanted.error)}});
}

Json to_json(const app::UpstreamReport& report) {
  Json refs = Json::array();
  for (const app::WantedRef& wanted : report.refs) {
    refs.push(to_json(wanted));
  }
  Json used = Json::array();
  for (const remote::CredentialSpec& spec : report.used) {
    Json files = Json::object();
    for (const auto& [key, file] : files_of(spec)) {
      files.set(key, file);
    }
    used.push(Json::object({{"match", spec.match}, {"files", std::move(files)}}));
  }
  return Json::object(
      {{"repository", report.repository.text()},
       {"url", report.url},
       {"result", report.failed() ? "failed" : "ok"},
       {"error", to_json(report.error)},
       {"default_branch", report.default_branch ? Json(report.default_branch->text()) : Json()},
       {"refs", std::move(refs)},
       {"credentials", std::move(used)}});
}

Json to_json(const app::CredentialProblem& problem) {
  return Json::object({{"severity", problem.fatal ? "error" : "warning"},
                       {"match", problem.match},
                       {"key", problem.key},
                       {"file", problem.file},
                       {"message", problem.message}});
}

void print_credential(const app::CredentialProblem& problem, const Style& style) {
  std::string where = "credential \"" + problem.match + "\"";
  where += problem.key.empty() ? "" : ": " + problem.key;
  print_styled(style(Colour::bold, where) +
               style(problem.fatal ? Colour::red : Colour::yellow,
                     problem.fatal ? ": error: " : ": warning: ") +
               style(Colour::plain, problem.message));
}

}  // namespace

bool Online::failed() const {
  return std::any_of(credentials.begin(), credentials.end(),
                     [](const app::CredentialProblem& problem) { return problem.fatal; }) ||
         std::any_of(upstreams.begin(), upstreams.end(),
                     [](const app::UpstreamReport& report) { return report.failed(); });
}

void print_online(const Online& online) {
  const Style style(STDOUT_FILENO);
  for (const app::CredentialProblem& problem : online.credentials) {
    print_credential(problem, style);
  }
  for (const app::UpstreamReport& report : online.upstreams) {
    print_upstream(report, style);
  }
  const auto failed =
      static_cast<std::size_t>(std::count_if(online.upstreams.begin(), online.upstreams.end(),
                                             [](const auto& report) { return report.failed(); }));
  const std::size_t all = online.upstreams.size();
  print_line(fmt::format("{}: {} ok, {} failed", count_of(all, "upstream", "upstreams"),
                         all - failed, failed));
}

Json to_json(const Online& online) {
  Json credentials = Json::array();
  for (const app::CredentialProblem& problem : online.credentials) {
    credentials.push(to_json(problem));
  }
  Json upstreams = Json::array();
  for (const app::UpstreamReport& report : online.upstreams) {
    upstreams.push(to_json(report));
  }
  return Json::object(
      {{"credentials", std::move(credentials)}, {"upstreams", std::move(upstreams)}});
}

}  // namespace freshet::cli
