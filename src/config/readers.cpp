#include "config/readers.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/credential_match.h"
#include "base/files.h"
#include "base/quantity.h"

namespace freshet::config {
namespace {

using Text = std::optional<std::string>;

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

/// Whether `accept` holds for one of the parts between slashes.
template <class Accept>
bool any_part(std::string_view text, Accept accept) {
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('/', begin), text.size());
    if (accept(text.substr(begin, end - begin))) {
      return true;
    }
    begin = end + 1;
  }
  return false;
}

/// A text that is taken as it stands.
template <class Accept>
Reader<std::string> text(std::string kind, std::string expected, Accept accept) {
  return reader<std::string>(
      Node::Kind::text, std::move(kind), std::move(expected),
      [accept](const Node& node) { return accept(node.text) ? Text(node.text) : std::nullopt; });
}

bool is_file_location(std::string_view location) {
  constexpr std::string_view kCredential = "credential:";
  if (has_control_character(location)) {
    return false;
  }
  if (location.starts_with(kCredential)) {
    location.remove_prefix(kCredential.size());
    return !location.empty() && location.find('/') == std::string_view::npos && location != "." &&
           location != "..";
  }
  return location.starts_with('/') && !location.ends_with('/');
}

std::optional<std::string> normalised_directory(const std::string& path) {
  if (!path.starts_with('/') || has_control_character(path) ||
      any_part(path, [](std::string_view part) { return part == ".."; })) {
    return std::nullopt;
  }
  std::string result = absolute_path(path);
  return result == "/" ? std::nullopt : std::optional(std::move(result));
}

/// ".NAME.freshet", where the trees of the checkout NAME are kept.
bool is_tree_store(std::string_view part) {
  return part.size() > 9 && part.starts_with('.') && part.ends_with(".freshet");
}

}  // namespace

bool is_repository_name(std::string_view text) {
  return !text.empty() && text.size() <= 200 && !has_control_character(text) &&
         !any_part(text, [](std::string_view part) {
           return part.empty() || part == "." || part == "..";
         });
}

Reader<bool> flag() {
  return reader<bool>(Node::Kind::boolean, "boolean", "true or false (without quotes)",
                      [](const Node& node) { return std::optional(node.boolean); });
}

Reader<unsigned> number(unsigned least, unsigned most) {
  return reader<unsigned>(Node::Kind::integer, "number",
                          fmt::format("a whole number from {} to {}", least, most),
                          [=](const Node& node) {
                            return node.integer >= least && node.integer <= most
                                       ? std::optional(static_cast<unsigned>(node.integer))
                                       : std::nullopt;
                          });
}

Reader<std::int64_t> id(std::int64_t least) {
  return reader<std::int64_t>(
      Node::Kind::integer, "number", fmt::format("a whole number from {}", least),
      [least](const Node& node) {
        return node.integer >= least ? std::optional(node.integer) : std::nullopt;
      });
}

Reader<Duration> duration(std::string_view least) {
  const Duration smallest = parse_duration(least).value_or(Duration(0));
  std::string expected = "a duration such as \"30s\" or \"1h30m\"";
  if (smallest.count() > 0) {
    expected += fmt::format(", at least \"{}\"", least);
  }
  return reader<Duration>(Node::Kind::text, "duration", expected, [smallest](const Node& node) {
    const auto value = parse_duration(node.text);
    return value && *value >= smallest ? value : std::nullopt;
  });
}

Reader<std::optional<Duration>> duration_or_off(std::string_view least) {
  using Value = std::optional<Duration>;
  const Duration smallest = parse_duration(least).value_or(Duration(0));
  return reader<Value>(Node::Kind::text, "duration",
                       fmt::format("a duration such as \"30s\" or \"off\", at least \"{}\"", least),
                       [smallest](const Node& node) -> std::optional<Value> {
                         if (node.text == "off") {
                           return Value();
                         }
                         const auto value = parse_duration(node.text);
                         return value && *value >= smallest ? std::optional<Value>(value)
                                                            : std::nullopt;
                       });
}

Reader<std::uint64_t> size(std::string_view least, std::string_view most) {
  const std::uint64_t smallest = parse_size(least).value_or(0);
  const std::uint64_t largest =
      most.empty() ? std::numeric_limits<std::uint64_t>::max() : parse_size(most).value_or(0);
  std::string expected = "a size such as \"26MiB\"";
  if (!most.empty()) {
    expected += fmt::format(", from \"{}\" to \"{}\"", least, most);
  }
  return reader<std::uint64_t>(Node::Kind::text, "size", expected, [=](const Node& node) {
    const auto value = parse_size(node.text);
    return value && *value >= smallest && *value <= largest ? value : std::nullopt;
  });
}

Reader<Rate> rate() {
  return reader<Rate>(Node::Kind::text, "rate",
                      "a rate such as \"1000/min\", \"20/s\" or \"5000/h\", or \"off\"",
                      [](const Node& node) { return parse_rate(node.text); });
}

Reader<unsigned> octal_mode() {
  return reader<unsigned>(
      Node::Kind::text, "mode", "an octal mode as text, from \"0000\" to \"0777\"",
      [](const Node& node) -> std::optional<unsigned> {
        const std::string& digits = node.text;
        if (digits.size() < 3 || digits.size() > 4 || (digits.size() == 4 && digits[0] != '0') ||
            digits.find_first_not_of("01234567") != std::string::npos) {
          return std::nullopt;
        }
        unsigned mode = 0;
        for (const char digit : digits) {
          mode = mode * 8 + static_cast<unsigned>(digit - '0');
        }
        return mode;
      });
}

Reader<ListenAddress> listen_address() {
  return reader<ListenAddress>(Node::Kind::text, "address",
                               "HOST:PORT such as \"127.0.0.1:8480\", or \"unix:/path\"",
                               [](const Node& node) { return ListenAddress::parse(node.text); });
}

Reader<UpstreamUrl> upstream_url() {
  return reader<UpstreamUrl>(Node::Kind::text, "URL",
                             "a URL such as \"https://github.com/acme/docs.git\"",
                             [](const Node& node) { return UpstreamUrl::parse(node.text); });
}

Reader<std::string> http_url() {
  return text("URL", "an https:// or http:// URL without a user name", [](const std::string& url) {
    const std::size_t host = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : 0;
    return host != 0 && url.size() > host && url[host] != '/' &&
           url.substr(host, url.find_first_of("/?#", host) - host).find('@') == std::string::npos &&
           std::none_of(url.begin(), url.end(),
                        [](unsigned char c) { return c <= ' ' || c == 0x7f; });
  });
}

Reader<std::string> credential_match() {
  return reader<std::string>(Node::Kind::text, "URL prefix",
                             "the start of URLs, ended by \"/*\", such as "
                             "\"https://github.com/acme/*\", or the URL of one "
                             "repository",
                             [](const Node& node) -> Result<std::string> {
                               FRESHET_CHECK(CredentialMatch::parse(node.text));
                               return node.text;
                             });
}

Reader<RepositoryName> repository_name() {
  return reader<RepositoryName>(
      Node::Kind::text, "name",
      "a name of 1 to 200 bytes without control characters, without a slash at either end and "
      "without an empty, \".\" or \"..\" part",
      [](const Node& node) {
        return is_repository_name(node.text) ? std::optional(RepositoryName(node.text))
                                             : std::nullopt;
      });
}

Reader<std::string> directory() {
  return reader<std::string>(Node::Kind::text, "path",
                             "an absolute path without \"..\", and not \"/\"",
                             [](const Node& node) { return normalised_directory(node.text); });
}

Reader<std::string> checkout_path() {
  return reader<std::string>(Node::Kind::text, "path",
                             "an absolute path without \"..\" and without a part like "
                             "\".NAME.freshet\", and not \"/\"; its "
                             "last part has at most 200 bytes",
                             [](const Node& node) {
                               auto path = normalised_directory(node.text);
                               return path && !any_part(*path, is_tree_store) &&
                                              base_name(*path).size() <= 200
                                          ? path
                                          : std::nullopt;
                             });
}

Reader<std::string> checkout_ref() {
  return text("ref",
              "a branch, a tag, a full ref such as \"refs/heads/main\", or a full commit hash",
              [](const std::string& ref) {
                return !ref.starts_with('-') &&
                       is_valid_ref(ref.starts_with("refs/") ? ref : "refs/heads/" + ref);
              });
}

Reader<std::string> ref_pattern() {
  return text("ref", "a full ref such as \"refs/heads/main\", with at most one \"*\", at its end",
              [](const std::string& pattern) {
                std::string ref = pattern;
                if (ref.ends_with('*')) {
                  ref.back() = 'x';
                }
                return is_valid_ref(ref);
              });
}

Reader<std::string> cidr() {
  return text("CIDR", "an address range such as \"10.0.0.0/8\" or \"fd00::/8\"", is_cidr);
}

Reader<std::string> host_name() {
  return text("host name", "a host name without scheme and port", is_host_name);
}

Reader<std::string> host_path() {
  return text("host/path", "a host and path such as \"github.com/acme/docs\", or a URL",
              [](const std::string& name) {
                return !has_control_character(name) && !comparable_url(name).empty();
              });
}

Reader<std::string> line(std::string expected) {
  return text("text", std::move(expected), [](const std::string& value) {
    return !value.empty() && !has_control_character(value);
  });
}

Reader<std::string> line_or_empty(std::string expected) {
  return text("text", std::move(expected),
              [](const std::string& value) { return !has_control_character(value); });
}

Reader<std::string> file() {
  return text("file", "an absolute path, or \"credential:NAME\"", is_file_location);
}

Reader<std::string> file_or_empty() {
  return text("file", "an absolute path, or \"credential:NAME\"", [](const std::string& location) {
    return location.empty() || is_file_location(location);
  });
}

Reader<std::vector<std::string>> arguments() {
  auto words = list_of(text("text", "a text that is not empty", [](const std::string& word) {
    return !word.empty() && word.find('\0') == std::string::npos;
  }));
  const std::string expected =
      "a program and its arguments such as [\"systemctl\", \"reload\", "
      "\"nginx\"], none of them empty";
  auto read = [words, expected](const Node& node,
                                const Report& report) -> std::optional<std::vector<std::string>> {
    if (node.kind != Node::Kind::array || node.items.empty()) {
      report.error(node.at, "expected " + expected);
      return std::nullopt;
    }
    return words.read(node, report);
  };
  return {"arguments", expected, std::move(read)};
}

}  // namespace freshet::config
