#include "cli/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "base/utf8.h"
#include "base/visible.h"
#include "cli/command.h"

namespace freshet::cli {

namespace {

/// Before widths are counted.
void make_visible(Rows& rows) {
  for (auto& row : rows) {
    for (std::string& cell : row) {
      cell = visible(cell);
    }
  }
}

}  // namespace

void print_line(std::string_view text) {
  std::cout << visible(text) << "\n" << std::flush;
}

void print_json(const Json& value) {
  std::cout << visible_json(value.dump()) << "\n" << std::flush;
}

void print_message(std::string_view text) {
  std::cerr << "freshet: " << visible(text) << "\n";
}

std::string count_of(std::size_t number, std::string_view one, std::string_view several) {
  return fmt::format("{} {}", number, number == 1 ? one : several);
}

void print_table(Rows rows, const CellStyle& style) {
  make_visible(rows);
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  }
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const auto& row = rows[r];
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += style ? style(r, i, row[i]) : row[i];
      if (i + 1 < row.size()) {
        line.append(widths[i] - display_width(row[i]) + 2, ' ');
      }
    }
    std::cout << line << "\n";
  }
  std::cout << std::flush;
}

Rows fit_table(Rows rows, std::size_t width) {
  constexpr std::size_t kNarrowest = 8;
  if (width == 0 || rows.empty()) {
    return rows;
  }
  make_visible(rows);
  std::vector<std::size_t> widths(rows.front().size());
  std::size_t line = 2 * (widths.size() - 1);
  for (std::size_t i = 0; i < widths.size(); ++i) {
    for (const auto& row : rows) {
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
    line += widths[i];
  }
  while (line > width) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kNarrowest) {
      break;
    }
    --*widest;
    --line;
  }
  for (auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = cut_to_width(row[i], widths[i]);
    }
  }
  return rows;
}

std::optional<config::Settings> load_or_complain(const std::string& file) {
  config::Loaded loaded = config::load_file(file);
  for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
    std::cerr << visible(config::to_text(diagnostic)) << "\n";
  }
  return std::move(loaded.settings);
}

int complain_unreachable(const Error& error) {
  if (error.error_class == ErrorClass::config) {
    print_message(error.message);
    return kUsage;
  }
  print_message(
      error.error_class == ErrorClass::timeout
          ? error.message + "; it may be busy, ask again"
          : error.message +
                "; start it with `systemctl start freshet` or `freshet serve`, or name its "
                "configuration with --config FILE");
  return error.error_class == ErrorClass::timeout ? kTimedOut : kUnreachable;
}

int exit_status_of(int http_status) {
  switch (http_status) {
    case 200:
    case 202:
      return kDone;
    case 400:
    case 401:
    case 403:
    case 404:
      return kUsage;
    case 504:
      return kTimedOut;
    default:  // whoever answers was reached
      return kRefreshFailed;
  }
}

std::string describe(const Outcome& outcome) {
  std::string text = outcome.repository.text() + ": " + std::string(to_string(outcome.result));
  if (outcome.error) {
    return text + ": " + std::string(to_string(outcome.error->error_class)) + ": " +
           outcome.error->message;
  }
  for (const CheckoutStatus& checkout : outcome.checkouts) {
    if (checkout.commit) {
      text += ", " + checkout.path + " at " + checkout.commit->short_hex();
    }
  }
  return text;
}

Json to_json(const Outcome& outcome) {
  Json checkouts = Json::array();
  for (const CheckoutStatus& checkout : outcome.checkouts) {
    checkouts.push(
        Json::object({{"path", checkout.path},
                      {"ref", checkout.ref},
                      {"commit", checkout.commit ? Json(checkout.commit->hex()) : Json()},
                      {"state", to_string(checkout.state)}}));
  }
  Json result = Json::object({{"repository", outcome.repository.text()},
                              {"result", to_string(outcome.result)},
                              {"checkouts", std::move(checkouts)}});
  if (outcome.error) {
    result.set("error", Json::object({{"class", to_string(outcome.error->error_class)},
                                      {"message", outcome.error->message},
                                      {"advice", advice_for(*outcome.error)}}));
  }
  return result;
}

bool is_terminal(int descriptor) {
  return ::isatty(descriptor) == 1;
}

}  // namespace freshet::cli
