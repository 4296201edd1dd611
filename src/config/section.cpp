#include "config/section.h"

namespace freshet::config {

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
  if (node.kind == Node::Kind::table) {
    report.error(node.at, "there can be several; write [[" + report.key() + "]]");
    return true;  // its keys are read all the same, so that everything is reported at once
  }
  report.error(node.at, "expected tables, each written [[" + report.key() + "]]");
  return false;
}

}  // namespace freshet::config
