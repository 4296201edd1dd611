#include "config/section.h"

#include <algorithm>

namespace freshet::config {
namespace {

/// The first table below a table that has nothing else, as [[key.below]] without [[key]] makes one;
/// nullptr: it is no such table.
const Node* header_below(const Node& node) {
  const bool headers_only =
      node.kind == Node::Kind::table &&
      std::all_of(node.items.begin(), node.items.end(), [](const Node& item) {
        return item.kind == Node::Kind::table || (item.is_array_of_tables() && !item.items.empty());
      });
  return headers_only && !node.items.empty() ? &node.items.front() : nullptr;
}

}  // namespace

std::vector<const Node*> tables_of(const Node* node) {
  std::vector<const Node*> tables;
  if (node != nullptr && node->kind == Node::Kind::table) {
    tables.push_back(node);
  } else if (node != nullptr && node->is_array_of_tables()) {
    for (const Node& item : node->items) {
      tables.push_back(&item);
    }
  }
  return tables;
}

bool is_table(const Node& node, const Report& report) {
  if (node.kind == Node::Kind::table) {
    return true;
  }
  report.error(node.at, node.kind == Node::Kind::array && node.is_array_of_tables()
                            ? "there is only one; write [" + report.key() + "]"
                            : "expected a table, not " + std::string(name_of(node.kind)));
  return false;
}

bool are_tables(const Node& node, const Report& report) {
  if (node.is_array_of_tables()) {
    return true;
  }
  if (const Node* below = header_below(node)) {
    const std::string name = report.key() + "." + below->key;
    report.error(node.at,
                 (below->kind == Node::Kind::table ? "[" + name + "]" : "[[" + name + "]]") +
                     " is part of a [[" + report.key() + "]], which has to stand above it");
    return false;
  }
  if (node.kind == Node::Kind::table) {
    report.error(node.at, "there can be several; write [[" + report.key() + "]]");
    return true;  // its keys are read all the same, so that everything is reported at once
  }
  report.error(node.at, "expected tables, each written [[" + report.key() + "]]");
  return false;
}

}  // namespace freshet::config
