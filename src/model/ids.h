#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace freshet {

/// A text that must not be mixed up with another kind of text.
template <class Tag>
class Name {
 public:
  Name() = default;
  explicit Name(std::string text) : text_(std::move(text)) {}
  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }
  auto operator<=>(const Name&) const = default;

 private:
  std::string text_;
};

/// As in the configuration; may contain slashes.
using RepositoryName = Name<struct RepositoryNameTag>;
/// A full ref name ("refs/heads/main", "HEAD"). Made by parse_ref only where it comes from outside.
using RefName = Name<struct RefNameTag>;
/// What limits towards one upstream host count by.
using HostKey = Name<struct HostKeyTag>;

/// "HEAD", or a name that starts with "refs/" and that git-check-ref-format(1) accepts.
bool is_valid_ref(std::string_view text);
std::optional<RefName> parse_ref(std::string_view text);

/// A full object id in lower-case hexadecimal: 40 digits (SHA-1) or 64 (SHA-256).
class ObjectId {
 public:
  ObjectId() = default;  ///< empty, names nothing
  static std::optional<ObjectId> parse(std::string_view text);

  const std::string& hex() const { return hex_; }
  std::string short_hex() const { return hex_.substr(0, 12); }
  bool empty() const { return hex_.empty(); }
  bool is_zero() const { return hex_.find_first_not_of('0') == std::string::npos; }
  auto operator<=>(const ObjectId&) const = default;

 private:
  std::string hex_;
};

}  // namespace freshet

template <class Tag>
struct std::hash<freshet::Name<Tag>> {
  std::size_t operator()(const freshet::Name<Tag>& name) const {
    return std::hash<std::string>{}(name.text());
  }
};
