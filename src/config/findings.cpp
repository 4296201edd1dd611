#include "config/findings.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "config/excerpt.h"
#include "config/node.h"

namespace freshet::config {
namespace {

using Key = std::string_view;  ///< with its section

/// Where a setting of a checkout may stand.
std::vector<std::string> places_of(const std::string& key) {
  constexpr Key kRepository = "repository.";
  if (!key.starts_with(kRepository)) {
    return {key};
  }
  const std::string rest = key.substr(kRepository.size());
  return {key, "repository.checkout." + rest, "defaults." + rest};
}

bool is_value(const Node& node, const std::string& value) {
  return node.kind == Node::Kind::text &&
         (node.text == value ||  // or the same path, with a slash at its end
          (node.text.starts_with('/') && absolute_path(node.text) == value));
}

/// The first text of this value under the key, or in its list.
const Node* find_value(const Node& node, Key key, const std::string& value) {
  if (node.kind == Node::Kind::array) {
    for (const Node& item : node.items) {
      if (const Node* found = find_value(item, key, value)) {
        return found;
      }
    }
    return nullptr;
  }
  if (key.empty()) {
    return is_value(node, value) ? &node : nullptr;
  }
  const std::size_t end = std::min(key.find('.'), key.size());
  const Node* member = node.kind == Node::Kind::table ? node.find(key.substr(0, end)) : nullptr;
  return member == nullptr ? nullptr
                           : find_value(*member, key.substr(std::min(end + 1, key.size())), value);
}

Diagnostic placed(const Finding& finding, const std::string& file, const Node& root) {
  for (const std::string& key : places_of(finding.key)) {
    if (const Node* place = find_value(root, key, finding.value)) {
      return {Severity::warning, file, place->at.line, place->at.column, key, finding.message,
              place->at.length};
    }
  }
  return {Severity::warning, file, 0, 0, finding.key, finding.message};
}

}  // namespace

void add_findings(Loaded& loaded, const std::string& file, const std::vector<Finding>& findings) {
  const auto root = parse_toml(loaded.text);
  std::vector<Diagnostic> warnings;
  warnings.reserve(findings.size());
  for (const Finding& finding : findings) {
    warnings.push_back(placed(finding, file, root ? *root : Node()));
  }
  std::stable_sort(warnings.begin(), warnings.end(), [](const auto& a, const auto& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
  add_excerpts(warnings, loaded.text);
  loaded.diagnostics.insert(loaded.diagnostics.end(), std::make_move_iterator(warnings.begin()),
                            std::make_move_iterator(warnings.end()));
}

}  // namespace freshet::config
