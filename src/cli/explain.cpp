#include "app/explain.h"

#include "base/files.h"
#include "cli/command.h"
#include "cli/output.h"

namespace freshet::cli {
namespace {

struct Options {
  std::string file;
  app::ExplainRequest request;
};

std::string text_or(const Json& value, const char* otherwise) {
  return value.is_null() ? otherwise : value.text();
}

std::string signature_of(const Json& found) {
  const std::string signature = found["signature"].text();
  if (signature == "right") {
    return "right, by " + found["secret"].text();
  }
  return signature + ": " + found["signature_reason"].text();
}

std::string answer_of(const Json& found) {
  std::string text =
      std::to_string(found["status"].integer().value_or(0)) + " " + found["verdict"].text();
  if (found["signature"].text() == "absent" && found["status"].integer() != 404) {
    text += ", if its signature is right";
  }
  return found["reason"].is_null() ? text : text + ": " + found["reason"].text();
}

std::string change_of(const Json& change) {
  const auto shortened = [](const Json& id) {
    return id.is_null() ? std::string("nothing") : id.text().substr(0, 12);
  };
  return shortened(change["before"]) + " -> " + shortened(change["after"]);
}

void print_explanation(const Json& found) {
  std::string event = text_or(found["event"], "none");
  if (found["event_guessed"].boolean().value_or(false)) {
    event += " (guessed by the payload; give it with --header)";
  }
  std::vector<std::vector<std::string>> rows{
      {"forge", text_or(found["forge"], "unknown; say it with --forge")},
      {"event", event},
      {"id", text_or(found["id"], "none")},
      {"signature", signature_of(found)}};
  for (const Json& secret : found["unreadable_secrets"].items()) {
    rows.push_back({"", secret["message"].text()});
  }
  for (const Json& change : found["changes"].items()) {
    rows.push_back({"ref", change["ref"].text() + "  " + change_of(change)});
  }
  for (const Json& repository : found["repositories"].items()) {
    rows.push_back(
        {"repository", repository["name"].text() +
                           (repository["refreshed"].boolean().value_or(false) ? ": refreshed, "
                                                                              : ": left alone, ") +
                           repository["why"].text()});
  }
  rows.push_back({"answer", answer_of(found)});
  print_table(rows);
}

int explain(const Global& global, Options options) {
  const auto settings = load_or_complain(global.config_file);
  if (!settings) {
    return kUsage;
  }
  auto content = read_any_file(options.file);
  if (!content) {
    print_message(content.error().message);
    return kUsage;
  }
  options.request.content = std::move(*content);
  const auto found = app::explain(*settings, options.request);
  if (!found) {
    print_message(found.error().message);
    return kUsage;
  }
  if (global.json) {
    print_json(*found);
  } else {
    print_explanation(*found);
  }
  return kDone;
}

}  // namespace

std::function<int(const Global&)> declare_explain(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file,
                 "The body, or head lines, an empty line and the body, as they were saved")
      ->required();
  app.add_option("--forge", options->request.forge, "Who sent it, when its headers do not say");
  app.add_option("--header", options->request.headers, "A header, \"K: V\"; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--name", options->request.name, "As if sent to /api/v1/webhooks/FORGE/NAME");
  return [options](const Global& global) { return explain(global, *options); };
}

}  // namespace freshet::cli
