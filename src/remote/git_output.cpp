#include "remote/git_output.h"

#include <algorithm>
#include <charconv>

namespace freshet::remote {
namespace {

std::optional<std::uint64_t> number_at(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end != text.data() ? std::optional(value) : std::nullopt;
}

/// Cuts the next line off.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace

Result<Advertisement> parse_ref_listing(std::string_view output,
                                        const std::vector<RefPattern>& patterns) {
  Advertisement answer;
  while (!output.empty()) {
    const std::string_view line = take_line(output);
    const std::size_t tab = line.find('\t');
    const std::string_view name = line.substr(std::min(tab + 1, line.size()));
    if (tab == std::string_view::npos || name.empty()) {
      return fail(ErrorClass::protocol, "git listed refs in an unknown form");
    }
    if (line.starts_with("ref: ")) {
      if (name == "HEAD") {
        answer.default_branch = parse_ref(line.substr(5, tab - 5));
      }
      continue;
    }
    const auto id = ObjectId::parse(line.substr(0, tab));
    if (!id) {
      return fail(ErrorClass::protocol, "git listed refs in an unknown form");
    }
    const auto ref = parse_ref(name);
    if (name == "HEAD") {
      answer.head = *id;
    } else if (ref && std::any_of(patterns.begin(), patterns.end(), [&](const RefPattern& pattern) {
                 return pattern.matches(*ref);
               })) {
      answer.refs.emplace(*ref, *id);
    }
  }
  return answer;
}

std::optional<Progress> parse_progress(std::string_view line) {
  Progress progress;
  if (line.starts_with("Receiving objects:")) {
    progress.phase = "receiving";
  } else if (line.starts_with("Resolving deltas:")) {
    progress.phase = "resolving";
  } else {
    return std::nullopt;
  }
  const std::size_t open = line.find('(');
  const std::size_t slash = line.find('/', std::min(open, line.size()));
  if (open == std::string_view::npos || slash == std::string_view::npos) {
    return std::nullopt;
  }
  const auto done = number_at(line.substr(open + 1));
  const auto total = number_at(line.substr(slash + 1));
  if (!done || !total) {
    return std::nullopt;
  }
  progress.objects = *done;
  progress.total_objects = *total;
  return progress;
}

std::map<std::string, ObjectId> parse_local_refs(std::string_view output) {
  std::map<std::string, ObjectId> refs;
  while (!output.empty()) {
    const std::string_view line = take_line(output);
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) {
      continue;
    }
    if (const auto id = ObjectId::parse(line.substr(0, space))) {
      refs.emplace(line.substr(space + 1), *id);
    }
  }
  return refs;
}

}  // namespace freshet::remote
