#include "cli/check_report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "cli/output.h"
#include "cli/style.h"

namespace freshet::cli {
namespace {

constexpr std::size_t kMostDirectories = 5;

void print_excerpt(const config::Diagnostic& problem, const Style& style) {
  const config::Excerpt& excerpt = problem.excerpt;
  if (excerpt.line.empty()) {
    return;
  }
  const std::string number = fmt::format("{:5} | ", problem.line);
  const std::string blank = std::string(number.size() - 2, ' ') + "| ";
  const bool error = problem.severity == config::Severity::error;
  print_styled(style(Colour::dim, number) + style(Colour::plain, excerpt.line));
  print_styled(
      style(Colour::dim, blank) + std::string(excerpt.before, ' ') +
      style(error ? Colour::red : Colour::yellow, "^" + std::string(excerpt.marked - 1, '~')));
}

/// The first line of a problem as config::to_text has it, in colours.
std::string headline(const config::Diagnostic& problem, const Style& style) {
  const std::string text = config::to_text(problem);
  const bool error = problem.severity == config::Severity::error;
  const std::string mark = error ? ": error: " : ": warning: ";
  const std::size_t at = text.find(mark, problem.file.size());
  if (at == std::string::npos) {
    return style(Colour::plain, text);
  }
  return style(Colour::bold, text.substr(0, at)) +
         style(error ? Colour::red : Colour::yellow, mark) +
         style(Colour::plain, text.substr(at + mark.size()));
}

}  // namespace

void print_problems(const std::vector<config::Diagnostic>& problems) {
  const Style style(STDOUT_FILENO);
  for (const config::Diagnostic& problem : problems) {
    print_styled(headline(problem, style));
    print_excerpt(problem, style);
  }
  const auto errors = std::count_if(problems.begin(), problems.end(), [](const auto& problem) {
    return problem.severity == config::Severity::error;
  });
  if (!problems.empty()) {
    const auto number = static_cast<std::size_t>(errors);
    print_line(count_of(number, "error", "errors") + ", " +
               count_of(problems.size() - number, "warning", "warnings"));
  }
}

Json to_json(const config::Diagnostic& problem) {
  Json json =
      Json::object({{"severity", problem.severity == config::Severity::error ? "error" : "warning"},
                    {"file", problem.file},
                    {"line", static_cast<std::int64_t>(problem.line)},
                    {"column", static_cast<std::int64_t>(problem.column)},
                    {"key", problem.key},
                    {"message", problem.message}});
  const auto end = static_cast<std::int64_t>(problem.column) + problem.length;
  json.set("end_column", problem.length == 0 ? Json() : Json(end));
  return json;
}

void print_safe_directories(const std::vector<std::string>& directories) {
  if (directories.empty()) {
    return;
  }
  print_line("Other users than the owner may run git in the published trees after:");
  for (std::size_t i = 0; i < std::min(directories.size(), kMostDirectories); ++i) {
    print_line("  git config --system --add safe.directory '" + directories[i] + "'");
  }
  if (directories.size() > kMostDirectories) {
    print_line(fmt::format("  and so on for {} more (--json lists all)",
                           directories.size() - kMostDirectories));
  }
  const bool pattern = std::any_of(directories.begin(), directories.end(),
                                   [](const auto& one) { return one.ends_with("/*"); });
  if (pattern) {
    print_line("git before 2.46, as Debian 12 has it, takes no \"/*\" there, but this:");
    print_line("  git config --system --add safe.directory '*'");
  }
}

Json to_json(const app::DriftReport& report) {
  Json changed = Json::array();
  for (const std::string& path : report.changed.value_or(std::vector<std::string>())) {
    changed.push(path);
  }
  Json json = Json::object({{"repository", report.repository.text()},
                            {"path", report.path},
                            {"changed", std::move(changed)}});
  if (!report.changed) {
    json.set("error", report.changed.error().message);
  }
  return json;
}

void print_drift(const app::DriftReport& report) {
  if (!report.changed) {
    print_message(report.path + ": " + report.changed.error().message);
    return;
  }
  if (report.changed->empty()) {
    print_line(report.path + ": as its commit");
  }
  for (const std::string& path : *report.changed) {
    print_line(report.path + "/" + path + ": changed by somebody else");
  }
}

}  // namespace freshet::cli
