// What a start reads of the state directory. The first byte of the input says what the rest is.
//
// a: pages of the journal of announcements, each with its name in the first line and "====" on a
// line behind it. Whatever stands there, the journal opens, and what it gives back is what a
// delivery can have announced. Opened again it gives back the same, and what is appended too.
//
// b: the list of pauses. It is refused by its name, or read; what is changed then is what the next
// start finds, and nothing else has changed.

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/files.h"
#include "base/json.h"
#include "scratch.h"
#include "state/journal.h"
#include "state/pauses.h"

namespace freshet::fuzz {
namespace {

using state::Journal;
using state::Pauses;

using Announced = std::pair<RepositoryName, Announcement>;

std::vector<Announced> left_over(const std::string& path) {
  const auto journal = Journal::open(path);
  require(journal.has_value(), "the journal opens");
  std::vector<Announced> entries;
  std::uint64_t last_id = 0;
  for (const Journal::Entry& entry : (*journal)->announced()) {
    require(entry.announcement.journal_id > last_id, "ids are this process's own");
    last_id = entry.announcement.journal_id;
    require(!entry.repository.empty() && is_valid_ref(entry.announcement.ref.text()),
            "what is given back can be refreshed");
    entries.emplace_back(entry.repository, entry.announcement);
    entries.back().second.journal_id = 0;
  }
  return entries;
}

void check_journal(std::string_view text) {
  const std::string path = Scratch::path() + "/journal";
  std::filesystem::remove_all(path);
  require(make_directories(path).has_value(), "there is a directory");
  constexpr std::string_view kMark = "\n====\n";
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(kMark), text.size());
    const std::string_view page = text.substr(0, end);
    text.remove_prefix(std::min(end + kMark.size(), text.size()));
    const std::size_t line = std::min(page.find('\n'), page.size());
    std::string name(page.substr(0, line));
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c == '/' || c == '\0'; }, '_');
    // Two pages of one name, or a name that is none, are no page.
    static_cast<void>(
        write_new_file(path + "/" + name, page.substr(std::min(line + 1, page.size()))));
  }

  std::vector<Announced> found = left_over(path);
  require(left_over(path) == found, "opened again it gives back the same");

  const RepositoryName docs("docs");
  std::vector<Announcement> announcements(1);
  announcements[0].ref = RefName("refs/heads/main");
  announcements[0].at = from_unix_millis(to_unix_millis(wall_now()));
  {
    const auto journal = Journal::open(path);
    require(journal && (*journal)->append(docs, announcements), "it can be written");
  }
  found.emplace_back(docs, announcements[0]);
  found.back().second.journal_id = 0;
  require(left_over(path) == found, "what was appended is given back too");
}

void check_pauses(std::string_view text) {
  const std::string path = Scratch::path() + "/paused.json";
  ::unlink(path.c_str());
  require(write_new_file(path, text).has_value(), "there is a file");
  const auto pauses = Pauses::open(path);
  if (!pauses) {
    require(pauses.error().error_class == ErrorClass::config &&
                pauses.error().message.find(path) != std::string::npos,
            "a file that is none is refused by its name");
    return;
  }
  std::map<RepositoryName, WallTime> expected;
  const auto json = Json::parse(text);
  require(json.has_value(), "what is read is JSON");
  for (const Json& entry : (*json)["paused"].items()) {
    const RepositoryName name(entry["repository"].text());
    const auto since = (*pauses)->since(name);
    require(since.has_value(), "who is listed is paused");
    expected[name] = *since;
  }
  const RepositoryName added("docs/added");
  const WallTime at = from_unix_millis(1'700'000'000'000);
  const bool was_there = expected.count(added) > 0;
  const auto begun = (*pauses)->pause(added, at);
  require(begun && *begun == (was_there ? expected[added] : at), "a pause begins once");
  expected[added] = *begun;
  if (expected.size() > 1) {
    const RepositoryName first = expected.begin()->first;
    const auto resumed = (*pauses)->resume(first);
    require(resumed && *resumed, "a pause can be ended");
    expected.erase(first);
  }
  const auto again = Pauses::open(path);
  require(again.has_value(), "what was written is read");
  for (const auto& [name, since] : expected) {
    require((*again)->since(name) == since, "nothing else has changed");
  }
}

}  // namespace
}  // namespace freshet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet::fuzz;
  Input input(data, size);
  if (input.choice(2) == 0) {
    check_journal(input.rest());
  } else {
    check_pauses(input.rest());
  }
  return 0;
}
