// What is kept of deliveries to run them again. The first byte of the input says what the rest is.
//
// a: a delivery in the ledger: lines of forge, event, id, route, reason, client and a repository,
// then what it says, as JSON. Its row says the same as it did, texts cut to their limit, and is
// found by its id; what the ledger keeps of it is read as the same delivery, within its size.
//
// b: a file that a person saved: head lines, an empty line and the body, or the body alone. Nothing
// of it is lost, and written down again it is the same request.

#include <algorithm>

#include "app/delivery_entry.h"
#include "app/saved_request.h"
#include "base/utf8.h"
#include "scratch.h"
#include "state/ledger_file.h"
#include "state/ledger_reader.h"
#include "webhook/delivery_json.h"

namespace freshet::fuzz {
namespace {

using state::LedgerFile;
using state::LedgerReader;
using webhook::Delivery;

constexpr std::size_t kLongestText = 200;
constexpr std::size_t kLargestContent = std::size_t{24} * 1024;  ///< some 8 KB of texts, escaped

std::string ledger_path() {
  return Scratch::path() + "/ledger.sqlite";
}

LedgerFile& ledger() {
  static LedgerFile file = [] {
    auto opened = LedgerFile::open(ledger_path(), std::nullopt, wall_now());
    require(opened.has_value(), "the ledger opens");
    return *std::move(opened);
  }();
  return file;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Character character = first_character(text);
    if (!character.valid) {
      return false;
    }
    text.remove_prefix(character.size);
  }
  return true;
}

void check_kept(const std::string& kept, const std::string& whole) {
  require(whole.starts_with(kept) && kept.size() <= kLongestText, "a text is cut at its end");
  require(kept == whole || kept.size() + 3 >= kLongestText, "no more than needed");
  require(!is_utf8(whole) || is_utf8(kept), "a character is whole");
}

/// What the ledger has of a delivery is what it says, or leads to as many refreshes at least.
void check_content(const std::string& kept, const Delivery& said) {
  require(kept.size() <= kLargestContent, "what is kept of a delivery is small");
  const auto json = Json::parse(kept);
  require(json.has_value(), "it is JSON");
  const auto again = webhook::delivery_from_json(*json);
  require(again.has_value(), "it can be run again");
  require(again->kind == said.kind || (again->kind == Delivery::Kind::repository_changed &&
                                       again->changes.size() < said.changes.size()),
          "it leads to the same refreshes, or to more");
  require(again->kind != said.kind || again->changes == said.changes, "changes are all there");
  for (const auto& change : again->changes) {
    require(is_valid_ref(change.ref.text()), "a change is of a ref");
  }
  require(to_json(*again).dump() == kept, "kept again it is the same");
}

void check_row(const state::DeliveryRow& row, const webhook::DeliveryRecord& record) {
  require(row.at == record.at && row.forge == record.forge && row.client == record.client,
          "the row is of this delivery");
  check_kept(row.event, record.event);
  check_kept(row.id, record.id);
  check_kept(row.route, record.route ? record.route->text() : "");
  check_kept(row.reason, record.reason);
  require(row.repositories.size() == record.repositories.size(), "it spoke of these");
}

/// As the intake takes it: printable ASCII of a limited length.
std::string id_of(std::string_view text) {
  constexpr std::size_t kLongestId = 128;
  std::string id(text.substr(0, kLongestId));
  std::erase_if(id, [](char c) { return c <= ' ' || c > '~'; });
  return id;
}

void check_recorded(Input& input) {
  webhook::DeliveryRecord record;
  const std::string forge(input.line());
  record.forge = forge;
  record.event = input.line();
  record.id = id_of(input.line());
  if (const std::string_view route = input.line(); !route.empty()) {
    record.route = RepositoryName(std::string(route));
  }
  record.reason = input.line();
  record.client = input.line();
  record.verdict = webhook::Verdict::ignored;
  record.at = from_unix_millis(1'800'000'000'000);
  if (const std::string_view name = input.line(); !name.empty()) {
    record.repositories.emplace_back(std::string(name));
  }
  const auto json = Json::parse(input.rest());
  const auto said = json ? webhook::delivery_from_json(*json) : fail(ErrorClass::corrupt, "");
  if (said) {
    record.content = std::make_shared<const Delivery>(*said);
  }

  require(ledger().write({app::ledger_entry(record)}, 64U << 10U).has_value(), "it is written");
  auto reader = LedgerReader::open(ledger_path());
  require(reader.has_value(), "the ledger can be read");
  const auto rows = reader->deliveries({.limit = 1});
  require(rows && rows->size() == 1, "there is a row");
  const state::DeliveryRow& row = rows->front();
  check_row(row, record);
  const auto by_number = reader->delivery(std::to_string(row.number));
  require(by_number && *by_number && (*by_number)->number == row.number, "it is found by number");
  // One of digits can be the number of another row.
  if (row.id.find_first_not_of("0123456789") != std::string::npos) {
    const auto by_id = reader->delivery(row.id);
    require(by_id && *by_id && (*by_id)->id == row.id, "it is found by its id");
  }
  const auto content = reader->content(row.number);
  require(content && content->has_value() == row.has_content, "the row says whether it is kept");
  require(row.has_content == (said && row.route == (record.route ? record.route->text() : "")),
          "what can be run again is kept");
  if (content && *content) {
    check_content(**content, *said);
  }
  require(ledger().prune({.deliveries = 3, .refusals = 3}, record.at).has_value(), "it is pruned");
}

std::string written_down(const app::SavedRequest& request) {
  if (request.path.empty() && request.headers.all().empty()) {
    return request.body;
  }
  // Without a path no line may look like one with a path; blanks in front of a name do not count.
  std::string text = request.path.empty() ? " " : "POST " + request.path + " HTTP/1.1\n";
  for (const auto& [name, value] : request.headers.all()) {
    text += name + ": " + value + "\n";
  }
  return text + "\n" + request.body;
}

void check_saved(std::string_view content) {
  const app::SavedRequest request = app::read_saved_request(content);
  require(content.ends_with(request.body), "the body is the end of what was saved");
  const bool has_head = !request.path.empty() || !request.headers.all().empty();
  require(has_head || request.body == content, "without a head all of it is the body");
  for (const auto& [name, value] : request.headers.all()) {
    require(
        name.find_first_of(":\r\n") == std::string::npos && value.find('\n') == std::string::npos,
        "a field is one line");
  }
  if (!has_head) {
    return;
  }
  const app::SavedRequest again = app::read_saved_request(written_down(request));
  require(again.path == request.path && again.headers.all() == request.headers.all() &&
              again.body == request.body,
          "written down again it is the same");
}

}  // namespace
}  // namespace freshet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet::fuzz;
  Input input(data, size);
  if (input.choice(2) == 0) {
    check_recorded(input);
  } else {
    check_saved(input.rest());
  }
  return 0;
}
