#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace freshet {

/// Which members of a document somebody wants to see, by their paths: "repository.owner.login". A
/// path goes through arrays: "changes.ref" is `ref` in every item of `changes`. Made once and then
/// read by any number of threads.
class JsonFields {
 public:
  /// A name or a piece of a path. At most 64 beside each other.
  struct Field {
    std::string name;
    std::vector<Field> members;  ///< empty: a value is kept, an object or array loses its content
  };

  JsonFields(std::initializer_list<std::string_view> paths);
  const Field& root() const { return root_; }

 private:
  Field root_;
};

struct JsonLimits {
  int depth = 64;                    ///< of nesting, of what is kept and of what is not; <= 64
  std::size_t items = 1000;          ///< kept of one array
  std::size_t items_of_all = 4'000;  ///< kept of all arrays together
  std::size_t text_bytes = 4096;     ///< of one text
};

struct KeptJson {
  Json value;
  bool cut = false;  ///< items beyond the limits were left out, or a longer text became null
};

/// Reads the whole document, and refuses what Json::parse refuses, but keeps only `wanted`, in the
/// document's order; the rest is looked at and forgotten, at some GB/s. What Json::parse says of
/// names that stand twice holds here as well. Memory follows what is kept, and recursion the depth
/// of `wanted`, whatever the document. A number that no double holds, too large or too small, is
/// taken here and becomes null. nullopt: not JSON, or nested deeper than the limit.
std::optional<KeptJson> parse_json_fields(std::string_view text, const JsonFields& wanted,
                                          const JsonLimits& limits = {});

}  // namespace freshet
