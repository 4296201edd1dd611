#include "base/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace freshet {

/// Receives nlohmann's events and builds the value. No exception leaves this file: the parser is
/// asked not to throw, and the writer replaces what is not UTF-8.
class JsonReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit JsonReader(int max_depth) : max_depth_(max_depth) {}

  bool null() override { return add(Json()); }
  bool boolean(bool value) override { return add(Json(value)); }
  bool number_integer(number_integer_t value) override { return add(Json(std::int64_t{value})); }
  bool number_unsigned(number_unsigned_t value) override { return add(Json(std::uint64_t{value})); }
  bool number_float(number_float_t value, const string_t& /*text*/) override {
    return add(Json(value));
  }
  bool string(string_t& value) override { return add(Json(std::move(value))); }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*elements*/) override { return open(Json(Json::Object{})); }
  bool start_array(std::size_t /*elements*/) override { return open(Json(Json::Array{})); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& value) override {
    keys_.back() = std::move(value);
    return true;
  }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    return false;
  }

  Json take() { return std::move(root_); }

 private:
  bool open(Json container) {
    if (static_cast<int>(open_.size()) >= max_depth_) {
      return false;
    }
    open_.push_back(std::move(container));
    keys_.emplace_back();
    return true;
  }

  bool close() {
    Json done = std::move(open_.back());
    open_.pop_back();
    keys_.pop_back();
    return add(std::move(done));
  }

  bool add(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (auto* object = std::get_if<Json::Object>(&open_.back().value_)) {
      object->emplace_back(std::move(keys_.back()), std::move(value));
    } else {
      std::get<Json::Array>(open_.back().value_).push_back(std::move(value));
    }
    return true;
  }

  int max_depth_;
  std::vector<Json> open_;
  std::vector<std::string> keys_;
  Json root_;
};

namespace {

nlohmann::ordered_json to_vendor(const Json& value) {
  if (value.is_object()) {
    nlohmann::ordered_json object = nlohmann::ordered_json::object();
    for (const auto& [name, member] : value.members()) {
      object.emplace(name, to_vendor(member));  // the first of a name counts
    }
    return object;
  }
  if (value.is_array()) {
    nlohmann::ordered_json array = nlohmann::ordered_json::array();
    for (const Json& item : value.items()) {
      array.push_back(to_vendor(item));
    }
    return array;
  }
  if (value.is_text()) {
    return value.text();
  }
  if (const auto flag = value.boolean()) {
    return *flag;
  }
  if (const auto number = value.integer()) {
    return *number;
  }
  if (const auto number = value.real()) {
    return *number;
  }
  return nullptr;
}

std::string dump_by_vendor(const Json& value, int indent) {
  return to_vendor(value).dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// What most values are made of is written here; what has to be escaped, and numbers that are no
/// integers, are the library's.
class CompactWriter {
 public:
  std::string take() { return std::move(out_); }

  void write(const Json& value) {
    if (value.is_object()) {
      write_object(value.members());
    } else if (value.is_array()) {
      out_ += '[';
      for (const Json& item : value.items()) {
        separate('[');
        write(item);
      }
      out_ += ']';
    } else if (value.is_text()) {
      write_text(value.text());
    } else if (const auto flag = value.boolean()) {
      out_ += *flag ? "true" : "false";
    } else if (const auto number = value.integer()) {
      out_ += std::to_string(*number);
    } else {
      out_ += value.is_null() ? "null" : dump_by_vendor(value, -1);
    }
  }

 private:
  void write_object(const Json::Object& members) {
    constexpr std::size_t kFew = 16;
    std::set<std::string_view> seen;
    out_ += '{';
    for (auto member = members.begin(); member != members.end(); ++member) {
      // The first of a name counts.
      const auto same = [&](const auto& other) { return other.first == member->first; };
      const bool is_first = members.size() <= kFew ? std::none_of(members.begin(), member, same)
                                                   : seen.insert(member->first).second;
      if (is_first) {
        separate('{');
        write_text(member->first);
        out_ += ':';
        write(member->second);
      }
    }
    out_ += '}';
  }

  void separate(char open) {
    if (out_.back() != open) {
      out_ += ',';
    }
  }

  void write_text(const std::string& text) {
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
      return c >= ' ' && c <= '~' && c != '"' && c != '\\';
    });
    if (plain) {
      out_ += '"';
      out_ += text;
      out_ += '"';
    } else {
      out_ += dump_by_vendor(Json(text), -1);
    }
  }

  std::string out_;
};

}  // namespace

std::optional<Json> Json::parse(std::string_view text, int max_depth) {
  JsonReader reader(max_depth);
  // The parser takes a NUL for the end of the text.
  if (text.find('\0') != std::string_view::npos || !nlohmann::json::sax_parse(text, &reader)) {
    return std::nullopt;
  }
  return reader.take();
}

std::string Json::dump(int indent) const {
  if (indent >= 0) {
    return dump_by_vendor(*this, indent);
  }
  CompactWriter writer;
  writer.write(*this);
  return writer.take();
}

const Json& Json::operator[](std::string_view name) const {
  static const Json kNull;
  for (const auto& [member, value] : members()) {
    if (member == name) {
      return value;
    }
  }
  return kNull;
}

const std::string& Json::text() const {
  static const std::string kEmpty;
  const auto* value = std::get_if<std::string>(&value_);
  return value != nullptr ? *value : kEmpty;
}

std::optional<bool> Json::boolean() const {
  const auto* value = std::get_if<bool>(&value_);
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

std::optional<std::int64_t> Json::integer() const {
  const auto* value = std::get_if<std::int64_t>(&value_);
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

std::optional<double> Json::real() const {
  const auto* value = std::get_if<double>(&value_);
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

const Json::Array& Json::items() const {
  static const Array kEmpty;
  const auto* value = std::get_if<Array>(&value_);
  return value != nullptr ? *value : kEmpty;
}

const Json::Object& Json::members() const {
  static const Object kEmpty;
  const auto* value = std::get_if<Object>(&value_);
  return value != nullptr ? *value : kEmpty;
}

void Json::set(std::string name, Json value) {
  if (!is_object()) {
    value_ = Object{};
  }
  auto& object = std::get<Object>(value_);
  for (auto& [member, old] : object) {
    if (member == name) {
      old = std::move(value);
      return;
    }
  }
  object.emplace_back(std::move(name), std::move(value));
}

void Json::push(Json value) {
  if (!is_array()) {
    value_ = Array{};
  }
  std::get<Array>(value_).push_back(std::move(value));
}

}  // namespace freshet
