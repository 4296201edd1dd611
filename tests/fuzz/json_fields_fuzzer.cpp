// base/json_fields against base/json: it refuses what that refuses, and keeps of the rest what was
// wanted.

#include <algorithm>

#include "base/json.h"
#include "base/json_fields.h"
#include "fuzzing.h"

namespace freshet::fuzz {
namespace {

using Field = JsonFields::Field;

constexpr int kDepth = 16;

/// What is kept of a whole value, where no limit leaves anything out.
Json kept_of(const Json& value, const Field& wanted, bool is_item) {
  if (value.is_object()) {
    Json kept = Json::object();
    for (const auto& [name, member] : value.members()) {
      const auto field =
          std::find_if(wanted.members.begin(), wanted.members.end(),
                       [&name = name](const Field& one) { return one.name == name; });
      if (field != wanted.members.end() && &value[name] == &member) {
        kept.set(name, kept_of(member, *field, false));
      }
    }
    return kept;
  }
  if (value.is_array()) {
    Json kept = Json::array();
    if (!is_item && !wanted.members.empty()) {
      for (const Json& item : value.items()) {
        kept.push(kept_of(item, wanted, true));
      }
    }
    return kept;
  }
  return value;
}

/// Numbers that no double holds are read differently, so those that are no integers do not count.
Json without_reals(const Json& value) {
  if (value.is_object()) {
    Json copy = Json::object();
    for (const auto& [name, member] : value.members()) {
      copy.set(name, without_reals(member));
    }
    return copy;
  }
  if (value.is_array()) {
    Json copy = Json::array();
    for (const Json& item : value.items()) {
      copy.push(without_reals(item));
    }
    return copy;
  }
  return value.real() ? Json() : value;
}

/// Only such a number is refused by one and taken by the other.
bool may_hold_a_large_number(std::string_view text) {
  std::size_t digits = 0;
  for (const char c : text) {
    if (digits > 300 || (digits > 0 && (c == 'e' || c == 'E'))) {
      return true;
    }
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
  }
  return digits > 300;
}

}  // namespace
}  // namespace freshet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet;
  using namespace freshet::fuzz;
  static const JsonFields kWanted{"ref",      "n",        "a.b.c",          "list.x",
                                  "list.y.z", "e\"scape", "deep.deep.deep", "a.d"};
  constexpr JsonLimits kRoomy{.depth = kDepth};
  constexpr JsonLimits kTight{.depth = kDepth, .items = 3, .items_of_all = 5, .text_bytes = 10};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::optional<Json> whole = Json::parse(text, kDepth);
  const std::optional<KeptJson> kept = parse_json_fields(text, kWanted, kRoomy);
  if (!whole) {
    require(!kept || may_hold_a_large_number(text), "what is no JSON is refused");
  } else {
    require(kept.has_value(), "JSON is taken");
    require(kept->cut || without_reals(kept->value).dump() ==
                             without_reals(kept_of(*whole, kWanted.root(), true)).dump(),
            "what is wanted is kept, and nothing else");
  }
  const std::optional<KeptJson> tight = parse_json_fields(text, kWanted, kTight);
  require(tight.has_value() == kept.has_value(), "limits change only what is kept");
  for (const Json& item : tight ? tight->value["list"].items() : Json::Array{}) {
    require(tight->value["list"].items().size() <= kTight.items, "items are limited");
    require(item["x"].text().size() <= 2 * kTight.text_bytes, "texts are limited");
  }
  return 0;
}
