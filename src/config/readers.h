#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/diagnostic.h"
#include "config/node.h"
#include "config/settings.h"

namespace freshet::config {

/// What the value of a setting may be, in words and in code.
template <class T>
struct Reader {
  std::string kind;      ///< one or two words for the manual: "duration"
  std::string expected;  ///< completes "expected ...": "a duration such as ..., at least ..."
  /// nullopt: reported already.
  std::function<std::optional<T>(const Node&, const Report&)> read;
};

/// Reads a value of one TOML kind; `convert` answers nullopt, or the error of a Result<T>, for what
/// is not allowed. An error text of its own replaces "expected ...".
template <class T, class Convert>
Reader<T> reader(Node::Kind wanted, std::string kind, std::string expected, Convert convert) {
  auto read = [=](const Node& node, const Report& report) -> std::optional<T> {
    if (node.kind != wanted) {
      report.error(node.at, "expected " + expected + ", not " + std::string(name_of(node.kind)));
      return std::nullopt;
    }
    auto value = convert(node);
    if (value) {
      return std::optional<T>(std::move(*value));
    }
    if constexpr (requires { value.error().message; }) {
      report.error(node.at, value.error().message);
    } else {
      report.error(node.at, "expected " + expected);
    }
    return std::nullopt;
  };
  return {std::move(kind), std::move(expected), std::move(read)};
}

Reader<bool> flag();
Reader<unsigned> number(unsigned least, unsigned most);
Reader<std::int64_t> id(std::int64_t least = 1);  ///< a whole number
Reader<Duration> duration(std::string_view least);
Reader<std::optional<Duration>> duration_or_off(std::string_view least);
Reader<std::uint64_t> size(std::string_view least, std::string_view most = "");
Reader<Rate> rate();
Reader<unsigned> octal_mode();
Reader<ListenAddress> listen_address();
Reader<UpstreamUrl> upstream_url();
Reader<std::string> http_url();
Reader<std::string> credential_match();  ///< as CredentialMatch takes it
Reader<RepositoryName> repository_name();
Reader<std::string> directory();      ///< absolute, normalised, not "/"
Reader<std::string> checkout_path();  ///< the same, and fit to be published at
Reader<std::string> checkout_ref();
Reader<std::string> ref_pattern();
Reader<std::string> cidr();
Reader<std::string> host_name();
Reader<std::string> host_path();                          ///< as Repository::match takes it
Reader<std::string> line(std::string expected);           ///< not empty, no control characters
Reader<std::string> line_or_empty(std::string expected);  ///< no control characters
Reader<std::string> file();                               ///< absolute path or "credential:NAME"
Reader<std::string> file_or_empty();                      ///< the same; "" is as if it were not set
Reader<std::vector<std::string>> arguments();  ///< not empty; each without NUL and not empty

/// Whether a text can name a repository: 1 to 200 bytes, no control characters, no slash at either
/// end, no empty, "." or ".." part.
bool is_repository_name(std::string_view text);

/// Any number of values; each is checked, so that all wrong ones are reported.
template <class T>
Reader<std::vector<T>> list_of(Reader<T> element) {
  const std::string expected = "a list of which each is " + element.expected;
  auto read = [element, expected](const Node& node,
                                  const Report& report) -> std::optional<std::vector<T>> {
    if (node.kind != Node::Kind::array) {
      report.error(node.at, "expected " + expected + ", not " + std::string(name_of(node.kind)));
      return std::nullopt;
    }
    std::vector<T> values;
    for (const Node& item : node.items) {
      if (auto value = element.read(item, report)) {
        values.push_back(std::move(*value));
      }
    }
    return values.size() == node.items.size() ? std::optional(std::move(values)) : std::nullopt;
  };
  return {"list of " + element.kind, expected, std::move(read)};
}

template <class E>
struct Choice {
  std::string_view name;
  E value;
};

/// One of a few words.
template <class E>
Reader<E> choice(std::initializer_list<Choice<E>> choices) {
  std::string expected;
  for (const Choice<E>& one : choices) {
    expected += (expected.empty() ? "\"" : " or \"") + std::string(one.name) + "\"";
  }
  auto read = [all = std::vector<Choice<E>>(choices), expected](
                  const Node& node, const Report& report) -> std::optional<E> {
    for (const Choice<E>& one : all) {
      if (node.kind == Node::Kind::text && node.text == one.name) {
        return one.value;
      }
    }
    report.error(node.at, "expected " + expected);
    return std::nullopt;
  };
  return {"choice", expected, std::move(read)};
}

}  // namespace freshet::config
