#include "config/findings.h"

#include <iterator>
#include <string_view>

#include "config/excerpt.h"
#include "config/node.h"

namespace freshet::config {
namespace {

/// The first text below `node` that is the value of a member called `key`, or stands in its list.
const Node* find_text(const Node& node, std::string_view key, std::string_view value) {
  for (const Node& item : node.items) {
    const bool is_member = item.key == key;
    if (is_member && item.kind == Node::Kind::text && item.text == value) {
      return &item;
    }
    for (const Node& one : item.items) {
      if (is_member && one.kind == Node::Kind::text && one.text == value) {
        return &one;
      }
    }
    if (const Node* found = find_text(item, key, value)) {
      return found;
    }
  }
  return nullptr;
}

}  // namespace

void add_findings(Loaded& loaded, const std::string& file, const std::vector<Finding>& findings) {
  const auto root = parse_toml(loaded.text);
  std::vector<Diagnostic> warnings;
  for (const Finding& finding : findings) {
    const std::string_view key =
        std::string_view(finding.key).substr(finding.key.rfind('.') + 1);  // npos + 1 is 0
    const Node* place = root ? find_text(*root, key, finding.value) : nullptr;
    const Position at = place != nullptr ? place->at : Position{};
    warnings.push_back(
        {Severity::warning, file, at.line, at.column, finding.key, finding.message, at.length});
  }
  add_excerpts(warnings, loaded.text);
  loaded.diagnostics.insert(loaded.diagnostics.end(), std::make_move_iterator(warnings.begin()),
                            std::make_move_iterator(warnings.end()));
}

}  // namespace freshet::config
