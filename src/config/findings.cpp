#include "config/findings.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

#include "base/files.h"
#include "config/excerpt.h"
#include "config/node.h"

namespace freshet::config {
namespace {

/// Where each text stands first, by its key with the section.
using Places = std::map<std::pair<std::string, std::string>, Position>;

void add_places(const Node& node, const std::string& key, Places& places) {
  if (node.kind == Node::Kind::text) {
    places.emplace(std::pair(key, node.text), node.at);
    if (node.text.starts_with('/')) {  // paths are read without a slash at their end
      places.emplace(std::pair(key, absolute_path(node.text)), node.at);
    }
  }
  for (const Node& item : node.items) {
    const bool is_member = node.kind == Node::Kind::table;
    const std::string below = key.empty() ? item.key : key + "." + item.key;
    add_places(item, is_member ? below : key, places);
  }
}

/// Where a setting may stand: one of a repository in its checkouts, too.
std::vector<std::string> homes_of(const std::string& key) {
  constexpr std::string_view kRepository = "repository.";
  if (!key.starts_with(kRepository)) {
    return {key};
  }
  const std::string rest = key.substr(kRepository.size());
  return {key, "repository.checkout." + rest, "defaults." + rest};
}

Diagnostic placed(const Finding& finding, const std::string& file, const Places& places) {
  for (const std::string& key : homes_of(finding.key)) {
    if (const auto place = places.find({key, finding.value}); place != places.end()) {
      const Position& at = place->second;
      return {Severity::warning, file, at.line, at.column, key, finding.message, at.length};
    }
  }
  return {Severity::warning, file, 0, 0, finding.key, finding.message};
}

}  // namespace

void add_findings(Loaded& loaded, const std::string& file, const std::vector<Finding>& findings) {
  Places places;
  if (const auto root = parse_toml(loaded.text)) {
    add_places(*root, "", places);
  }
  std::vector<Diagnostic> warnings;
  warnings.reserve(findings.size());
  for (const Finding& finding : findings) {
    warnings.push_back(placed(finding, file, places));
  }
  std::stable_sort(warnings.begin(), warnings.end(), [](const auto& a, const auto& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
  add_excerpts(warnings, loaded.text);
  loaded.diagnostics.insert(loaded.diagnostics.end(), std::make_move_iterator(warnings.begin()),
                            std::make_move_iterator(warnings.end()));
}

}  // namespace freshet::config
