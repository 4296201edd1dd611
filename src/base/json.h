#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace freshet {

/// A JSON value (RFC 8259). Looking for something that is not there gives null, never an exception,
/// so that a reader of foreign payloads can go straight for what it needs:
/// `payload["repository"]["clone_url"].text()`. Objects keep the order of their members; where a
/// name stands twice the first counts.
class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;

  Json() = default;
  Json(std::nullptr_t) {}
  Json(bool value) : value_(value) {}
  Json(int value) : value_(std::int64_t{value}) {}
  Json(std::int64_t value) : value_(value) {}
  Json(std::uint64_t value) {  // what no signed integer holds loses its last digits
    if (value <= INT64_MAX) {
      value_ = static_cast<std::int64_t>(value);
    } else {
      value_ = static_cast<double>(value);
    }
  }
  Json(double value) : value_(value) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(Array value) : value_(std::move(value)) {}
  Json(Object value) : value_(std::move(value)) {}
  template <class T>
  Json(const std::optional<T>& value) {
    if (value) {
      *this = Json(*value);
    }
  }

  static Json object(std::initializer_list<std::pair<std::string, Json>> members = {}) {
    return Json(Object(members));
  }
  static Json array() { return Json(Array{}); }

  /// nullopt: not JSON, or nested deeper than `max_depth`.
  static std::optional<Json> parse(std::string_view text, int max_depth = 64);
  /// On one line; bytes that are not UTF-8 become U+FFFD. `indent` > 0: for people.
  std::string dump(int indent = -1) const;

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_text() const { return std::holds_alternative<std::string>(value_); }

  const Json& operator[](std::string_view name) const;  ///< null when this is no object or lacks it
  const std::string& text() const;                      ///< empty when this is no string
  std::optional<bool> boolean() const;
  std::optional<std::int64_t> integer() const;
  std::optional<double> real() const;  ///< of a number that is no integer
  const Array& items() const;          ///< empty when this is no array
  const Object& members() const;       ///< empty when this is no object

  void set(std::string name, Json value);  ///< makes this an object; replaces a member of that name
  void push(Json value);                   ///< makes this an array

 private:
  friend class JsonReader;
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

}  // namespace freshet
