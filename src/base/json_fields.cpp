#include "base/json_fields.h"

#include <algorithm>
#include <cassert>
#include <cstdint>

#include "base/json_scanner.h"

namespace freshet {
namespace {

using Field = JsonFields::Field;

class Reader {
 public:
  Reader(std::string_view text, const JsonLimits& limits)
      : scanner_(text, limits.depth), limits_(limits) {}

  std::optional<KeptJson> read(const Field& root) {
    KeptJson kept;
    // Items of an array that is the whole document are nobody's members.
    if (!value(root, true, kept.value) || !scanner_.at_end()) {
      return std::nullopt;
    }
    kept.cut = cut_;
    return kept;
  }

 private:
  /// Recursion follows `wanted`: each level of it adds an object and perhaps an array.
  bool value(const Field& wanted, bool is_item, Json& out) {
    switch (scanner_.peek()) {
      case '{':
        return object(wanted, out);
      case '[':
        return array(wanted, is_item, out);
      case '"':
        return text(out);
      default:
        return scanner_.scalar(out);
    }
  }

  bool text(Json& out) {
    std::string_view raw;
    bool escaped = false;
    if (!scanner_.text(raw, escaped)) {
      return false;
    }
    if (raw.size() > limits_.text_bytes) {
      cut_ = true;
    } else {
      out = escaped ? Json(JsonScanner::decode(raw)) : Json(raw);
    }
    return true;
  }

  bool object(const Field& wanted, Json& out) {
    Json::Object members;
    if (wanted.members.empty()) {
      out = Json(std::move(members));
      return scanner_.skip();
    }
    scanner_.take('{');
    if (!scanner_.enter()) {
      return false;
    }
    std::uint64_t seen = 0;
    for (bool first = true; !scanner_.take('}'); first = false) {
      if (!first && !scanner_.take(',')) {
        return false;
      }
      const Field* field = nullptr;
      if (!name(wanted, seen, field)) {
        return false;
      }
      if (field == nullptr) {
        if (!scanner_.skip()) {
          return false;
        }
        continue;
      }
      Json& member = members.emplace_back(field->name, Json()).second;
      if (!value(*field, false, member)) {
        return false;
      }
    }
    scanner_.leave();
    out = Json(std::move(members));
    return true;
  }

  /// `field` stays nullptr when the member is not wanted, or was there already.
  bool name(const Field& wanted, std::uint64_t& seen, const Field*& field) {
    std::string_view raw;
    bool escaped = false;
    if (!scanner_.text(raw, escaped) || !scanner_.take(':')) {
      return false;
    }
    constexpr std::size_t kLongestEscaped = 256;
    std::string decoded;
    if (escaped && raw.size() <= kLongestEscaped) {
      decoded = JsonScanner::decode(raw);
      raw = decoded;
    }
    for (std::size_t i = 0; i < wanted.members.size(); ++i) {
      const std::uint64_t bit = std::uint64_t{1} << i;
      if (wanted.members[i].name == raw && (seen & bit) == 0) {
        seen |= bit;
        field = &wanted.members[i];
      }
    }
    return true;
  }

  bool array(const Field& wanted, bool is_item, Json& out) {
    Json::Array items;
    if (wanted.members.empty() || is_item) {
      out = Json(std::move(items));
      return scanner_.skip();
    }
    scanner_.take('[');
    if (!scanner_.enter()) {
      return false;
    }
    for (bool first = true; !scanner_.take(']'); first = false) {
      if (!first && !scanner_.take(',')) {
        return false;
      }
      if (items.size() == limits_.items || kept_items_ == limits_.items_of_all) {
        cut_ = true;
        if (!scanner_.skip()) {
          return false;
        }
        continue;
      }
      ++kept_items_;
      if (!value(wanted, true, items.emplace_back())) {
        return false;
      }
    }
    scanner_.leave();
    out = Json(std::move(items));
    return true;
  }

  JsonScanner scanner_;
  const JsonLimits& limits_;
  std::size_t kept_items_ = 0;
  bool cut_ = false;
};

}  // namespace

JsonFields::JsonFields(std::initializer_list<std::string_view> paths) {
  for (std::string_view path : paths) {
    Field* field = &root_;
    while (!path.empty()) {
      const std::size_t dot = std::min(path.find('.'), path.size());
      const std::string_view name = path.substr(0, dot);
      path.remove_prefix(std::min(dot + 1, path.size()));
      auto& members = field->members;
      auto found = std::find_if(members.begin(), members.end(),
                                [&](const Field& one) { return one.name == name; });
      if (found == members.end()) {
        assert(members.size() < 64);
        found = members.insert(members.end(), Field{std::string(name), {}});
      }
      field = &*found;
    }
  }
}

std::optional<KeptJson> parse_json_fields(std::string_view text, const JsonFields& wanted,
                                          const JsonLimits& limits) {
  return Reader(text, limits).read(wanted.root());
}

}  // namespace freshet
