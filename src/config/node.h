#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "config/diagnostic.h"

namespace freshet::config {

/// One value of a TOML document with its place. Tables keep their members in `items`, each with its
/// key. Plain data; the TOML library stays behind parse_toml.
struct Node {
  enum class Kind { text, integer, boolean, array, table, other };

  Node() = default;
  Node(const char* value) : text(value) {}  // NOLINT: built-in defaults read as values
  Node(std::int64_t value) : kind(Kind::integer), integer(value) {}  // NOLINT
  Node(int value) : kind(Kind::integer), integer(value) {}           // NOLINT
  Node(bool value) : kind(Kind::boolean), boolean(value) {}          // NOLINT

  const Node* find(std::string_view name) const;  ///< of a table; nullptr: no such member
  bool is_array_of_tables() const;

  Kind kind = Kind::text;
  Position at;      ///< of the value; of "[" for the table of a header
  std::string key;  ///< in a table
  Position key_at;
  std::string text;
  std::int64_t integer = 0;
  bool boolean = false;
  std::vector<Node> items;
};

/// "a text", "a whole number", ...: for messages.
std::string_view name_of(Node::Kind kind);

/// As it would stand in the file: "\"60s\"", "8", "[]".
std::string to_toml(const Node& node);

struct SyntaxError {
  Position at;
  std::string message;
};

/// The document's root table. A syntax error, a duplicate key among them, ends the reading where it
/// stands.
tl::expected<Node, SyntaxError> parse_toml(std::string_view text);

}  // namespace freshet::config
