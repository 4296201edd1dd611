#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <thread>

#include "base/utf8.h"
#include "base/visible.h"
#include "cli/command.h"
#include "cli/daemon_access.h"
#include "cli/output.h"
#include "cli/style.h"

namespace freshet::cli {
namespace {

constexpr int kMostListed = 1000;
constexpr std::chrono::milliseconds kBetweenLooks{500};

struct Options {
  std::string repository;
  int limit = 50;
  bool follow = false;
};

/// By number; what --follow has shown and may have to show again.
using Shown = std::map<std::int64_t, std::string>;

std::string text_or(const Json& value, const char* otherwise) {
  return value.is_null() ? otherwise : value.text();
}

std::string joined(const Json& texts) {
  std::string list;
  for (const Json& text : texts.items()) {
    list += (list.empty() ? "" : ",") + text.text();
  }
  return list.empty() ? "-" : list;
}

/// What became of it, with the time or the error that goes with it.
std::string result_of(const Json& delivery) {
  const std::string result = delivery["result"].text();
  for (const Json& refresh : delivery["refreshes"].items()) {
    if (refresh["result"].text() != result) {
      continue;
    }
    const Json& error = refresh["error"];
    if (!error.is_null()) {
      return result + " (" + error["class"].text() + "): " + error["message"].text();
    }
    const Json& took = refresh["announce_to_publish_seconds"];
    return took.is_null() ? result : result + " in " + took.dump() + " s";
  }
  const std::int64_t times = delivery["times"].integer().value_or(1);
  return delivery["reason"].is_null() && times > 1 ? std::to_string(times) + " times"
                                                   : text_or(delivery["reason"], "-");
}

/// As much of it as `freshet replay` needs where there is no room for more.
std::string id_of(const Json& delivery) {
  constexpr std::size_t kNarrow = 160;
  constexpr std::size_t kEnough = 12;
  const std::string id = text_or(delivery["id"], "-");
  const std::size_t width = terminal_width(STDOUT_FILENO);
  return width > 0 && width < kNarrow ? id.substr(0, kEnough) : id;
}

std::vector<std::string> row_of(const Json& delivery) {
  // "2026-11-21T15:28:06.123Z"
  std::string at = delivery["at"].text().substr(0, 19);
  std::replace(at.begin(), at.end(), 'T', ' ');
  return {std::to_string(delivery["number"].integer().value_or(0)),
          at,
          text_or(delivery["forge"], "-"),
          text_or(delivery["event"], "-"),
          id_of(delivery),
          delivery["verdict"].text(),
          joined(delivery["repositories"]),
          result_of(delivery)};
}

const std::vector<std::string> kHeading{"NO", "TIME (UTC)", "FORGE",        "EVENT",
                                        "ID", "VERDICT",    "REPOSITORIES", "RESULT"};

/// What --follow prints comes line by line, and shall stand below each other all the same.
void align(Rows& rows) {
  constexpr std::array<std::size_t, 8> kWidths{5, 19, 9, 10, 36, 12, 16, 22};
  for (auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::size_t width = display_width(visible(row[i]));
      row[i].append(kWidths.at(i) - std::min(width, kWidths.at(i)), ' ');
    }
  }
}

void print_rows(const Json& deliveries, bool heading) {
  Rows rows;
  for (const Json& delivery : deliveries.items()) {
    rows.push_back(row_of(delivery));
  }
  std::reverse(rows.begin(), rows.end());  // the newest at the bottom, next to the prompt
  if (heading) {
    rows.insert(rows.begin(), kHeading);
  } else {
    align(rows);
  }
  print_table(fit_table(std::move(rows), terminal_width(STDOUT_FILENO)));
}

/// Shows, oldest first, what was not shown yet or has another result by now; `shown` then holds
/// those whose result may still change.
void show_news(const Global& global, const Json& deliveries, Shown& shown, std::int64_t& newest) {
  Json news = Json::array();
  for (const Json& delivery : deliveries.items()) {
    const std::int64_t number = delivery["number"].integer().value_or(0);
    const std::string result = delivery["result"].text();
    const auto known = shown.find(number);
    if (number > newest || (known != shown.end() && known->second != result)) {
      news.push(delivery);
    }
    if (result == "waiting" || result == "failed") {
      shown[number] = result;
    } else {
      shown.erase(number);
    }
  }
  for (const Json& delivery : deliveries.items()) {
    newest = std::max(newest, delivery["number"].integer().value_or(0));
  }
  while (static_cast<int>(shown.size()) > kMostListed / 2) {
    shown.erase(shown.begin());
  }
  if (!global.json) {
    print_rows(news, false);
    return;
  }
  for (auto item = news.items().rbegin(); item != news.items().rend(); ++item) {
    print_json(*item);
  }
}

std::string path_of(const Options& options, const std::string& range) {
  const std::string path = "/deliveries?" + range;
  return options.repository.empty()
             ? path
             : path + "&repository=" + app::AdminClient::encode(options.repository);
}

/// Looks again and again; a daemon that is gone for a while is waited for, and a message says so.
class Follower {
 public:
  Follower(const Global& global, app::AdminClient client, const Options& options)
      : global_(global), client_(std::move(client)), options_(options) {}

  /// Until somebody ends it, or what went wrong will not go away by itself.
  int run(const Json& first) {
    if (!global_.json) {
      Rows heading{kHeading};
      align(heading);
      print_table(fit_table(std::move(heading), terminal_width(STDOUT_FILENO)));
    }
    show_news(global_, first["deliveries"], shown_, newest_);
    for (;;) {
      std::this_thread::sleep_for(kBetweenLooks);
      const std::int64_t after =
          shown_.empty() ? newest_ : std::min(newest_, shown_.begin()->first - 1);
      const auto answer =
          client_.get(path_of(options_, "limit=1000&after=" + std::to_string(after)));
      if (!answer && answer.error().error_class == ErrorClass::config) {
        return complain_unreachable(answer.error());
      }
      take(answer);
    }
  }

 private:
  void take(const Result<app::AdminClient::Answer>& answer) {
    const bool good = answer && answer->status == 200;
    if (!good) {
      say_once(answer ? answer->body["error"]["message"].text() : answer.error().message);
      return;
    }
    if (!trouble_.empty()) {
      print_message("the daemon answers again");
      trouble_.clear();
    }
    const auto& deliveries = answer->body["deliveries"].items();
    if (deliveries.size() == kMostListed && !shown_.empty()) {
      shown_.clear();  // too long ago to be looked at again
    }
    show_news(global_, answer->body["deliveries"], shown_, newest_);
  }

  void say_once(const std::string& trouble) {
    if (trouble != trouble_) {
      print_message(trouble + "; waiting for it");
    }
    trouble_ = trouble;
  }

  const Global& global_;
  const app::AdminClient client_;
  const Options& options_;
  Shown shown_;
  std::int64_t newest_ = 0;
  std::string trouble_;  ///< why there is no answer now; empty: there is one
};

int deliveries(const Global& global, const Options& options) {
  if (options.limit < 1 || options.limit > kMostListed) {
    print_message("--limit: expected a number from 1 to 1000");
    return kUsage;
  }
  const auto client = find_daemon(global.config_file);
  if (!client) {
    return kUsage;
  }
  if (!options.repository.empty()) {
    if (const int known = check_names(*client, {options.repository}); known != kDone) {
      return known;
    }
  }
  const auto answer = client->get(path_of(options, "limit=" + std::to_string(options.limit)));
  if (!answer) {
    return complain_unreachable(answer.error());
  }
  if (answer->status != 200) {
    return complain(*answer);
  }
  if (options.follow) {
    return Follower(global, *client, options).run(answer->body);
  }
  if (global.json) {
    print_json(answer->body);
  } else if (answer->body["deliveries"].items().empty()) {
    print_message("no delivery has come yet; `freshet deliveries --follow` shows each as it comes");
  } else {
    print_rows(answer->body["deliveries"], true);
  }
  return kDone;
}

}  // namespace

std::function<int(const Global&)> declare_deliveries(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("--repository", options->repository, "Only those that spoke of this repository");
  app.add_option("--limit", options->limit, "How many, the newest (at most 1000)")
      ->capture_default_str();
  app.add_flag("--follow", options->follow,
               "Go on with what comes; a delivery is shown again when its result is known");
  return [options](const Global& global) { return deliveries(global, *options); };
}

}  // namespace freshet::cli
