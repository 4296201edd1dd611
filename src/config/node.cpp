#include "config/node.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <optional>

#include "base/utf8.h"

namespace freshet::config {
namespace {

Position position(const toml::source_region& region) {
  const bool one_line = region.begin.line == region.end.line;
  const auto length = one_line && region.end.column > region.begin.column
                          ? region.end.column - region.begin.column
                          : 0;
  return {region.begin.line, region.begin.column, length};
}

// The exact forms: toml++'s value<T>() turns 5.0 into 5 and true into 1.
Node convert(const toml::node& source) {
  Node node;
  node.at = position(source.source());
  if (const toml::table* table = source.as_table()) {
    node.kind = Node::Kind::table;
    for (const auto& [key, value] : *table) {
      Node& member = node.items.emplace_back(convert(value));
      member.key = key.str();
      member.key_at = position(key.source());
    }
  } else if (const toml::array* array = source.as_array()) {
    node.kind = Node::Kind::array;
    for (const toml::node& element : *array) {
      node.items.push_back(convert(element));
    }
  } else if (const auto text = source.value_exact<std::string>()) {
    node.kind = Node::Kind::text;
    node.text = *text;
  } else if (const auto integer = source.value_exact<std::int64_t>()) {
    node.kind = Node::Kind::integer;
    node.integer = *integer;
  } else if (const auto boolean = source.value_exact<bool>()) {
    node.kind = Node::Kind::boolean;
    node.boolean = *boolean;
  } else {
    node.kind = Node::Kind::other;
  }
  return node;
}

/// toml++ begins with which of its functions noticed; the position says more.
std::string message_of(const toml::parse_error& error) {
  std::string_view text = error.description();
  if (text.starts_with("Error while parsing ")) {
    text.remove_prefix(std::min(text.find(": ") + 2, text.size()));
  }
  // More than one character of what stands there could be the beginning of a secret.
  const std::size_t saw = text.rfind(", saw '");
  if (saw != std::string_view::npos && text.size() - saw > std::string_view(", saw '\\n'").size()) {
    text = text.substr(0, saw);
  }
  return std::string(text);
}

constexpr std::size_t kMostParts = 256;

/// The end of what is quoted from `begin` on: its last quotation mark, or the last character of its
/// line.
std::size_t end_of_quoted(std::string_view text, std::size_t begin) {
  const char mark = text[begin];
  std::size_t at = begin + 1;
  while (at < text.size() && text[at] != mark && text[at] != '\n') {
    at += mark == '"' && text[at] == '\\' ? 2 : 1;
  }
  return std::min(at, text.size() - 1);
}

/// Where a key has more parts than any document needs, as in a.b.c = 1: toml++ makes a table of
/// each and walks down them by recursion, to the end of the stack.
std::optional<Position> find_endless_key(std::string_view text) {
  std::uint32_t line = 1;
  std::size_t parts = 1;
  bool after_part = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '"' || text[at] == '\'') {
      at = end_of_quoted(text, at);
    } else if (text[at] == '#') {
      at = std::min(text.find('\n', at), text.size() - 1);
    }
    const char c = text[at];
    if (c == '.' && after_part) {
      after_part = false;
      if (++parts > kMostParts) {
        return Position{line, 1, 0};
      }
    } else if (std::isalnum(static_cast<unsigned char>(c)) != 0 ||
               std::strchr("_-\"'", c) != nullptr) {
      after_part = true;
    } else if (c != ' ' && c != '\t') {
      parts = 1;
      after_part = false;
    }
    line += c == '\n' ? 1 : 0;
  }
  return std::nullopt;
}

/// The first byte that is no UTF-8. toml++ notices it some characters before it gets there, and
/// says that place.
std::optional<Position> find_foreign_byte(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  text.remove_prefix(text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0);
  Position at{1, 1, 1};
  while (!text.empty()) {
    const Utf8Character character = first_character(text);
    if (!character.valid) {
      return at;
    }
    at = text.front() == '\n' ? Position{at.line + 1, 1, 1} : Position{at.line, at.column + 1, 1};
    text.remove_prefix(character.size);
  }
  return std::nullopt;
}

/// toml++ counts the last line end as a character of its line, behind which the file ends.
Position inside(Position at, std::string_view text) {
  for (std::uint32_t line = 1; line < at.line; ++line) {
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  }
  text = text.substr(0, text.find('\n'));
  const auto continued =
      std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xc0U) == 0x80; });
  const auto end =
      static_cast<std::uint32_t>(text.size()) - static_cast<std::uint32_t>(continued) + 1;
  at.column = std::min(at.column, end);
  return at;
}

}  // namespace

const Node* Node::find(std::string_view name) const {
  const auto found = std::find_if(items.begin(), items.end(),
                                  [&](const Node& member) { return member.key == name; });
  return kind == Kind::table && found != items.end() ? &*found : nullptr;
}

bool Node::is_array_of_tables() const {
  return kind == Kind::array && std::all_of(items.begin(), items.end(), [](const Node& item) {
           return item.kind == Kind::table;
         });
}

std::string_view name_of(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::text:
      return "a text";
    case Node::Kind::integer:
      return "a whole number";
    case Node::Kind::boolean:
      return "true or false";
    case Node::Kind::array:
      return "a list";
    case Node::Kind::table:
      return "a table";
    case Node::Kind::other:
      break;
  }
  return "a fraction or a date";
}

std::string to_toml(const Node& node) {
  switch (node.kind) {
    case Node::Kind::text:
      return "\"" + node.text + "\"";
    case Node::Kind::integer:
      return std::to_string(node.integer);
    case Node::Kind::boolean:
      return node.boolean ? "true" : "false";
    case Node::Kind::array: {
      std::string text = "[";
      for (const Node& item : node.items) {
        text += (text.size() > 1 ? ", " : "") + to_toml(item);
      }
      return text + "]";
    }
    case Node::Kind::table:
    case Node::Kind::other:
      break;
  }
  return "";
}

tl::expected<Node, SyntaxError> parse_toml(std::string_view text) {
  if (const auto at = find_foreign_byte(text)) {
    return tl::unexpected(SyntaxError{*at, "a byte that is no UTF-8"});
  }
  if (const auto at = find_endless_key(text)) {
    return tl::unexpected(
        SyntaxError{*at, "a key of more than " + std::to_string(kMostParts) + " parts"});
  }
  try {
    const toml::table root = toml::parse(text);
    return convert(root);
  } catch (const toml::parse_error& error) {
    return tl::unexpected(SyntaxError{inside(position(error.source()), text), message_of(error)});
  }
}

}  // namespace freshet::config
