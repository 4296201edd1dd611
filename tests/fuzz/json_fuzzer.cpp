// base/json against nlohmann-json: both take the same texts, up to the depth, and see the same
// values.

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "fuzzing.h"

namespace freshet::fuzz {
namespace {

constexpr int kDepth = 16;

/// How deep a text is nested; that it is JSON is known.
class Depth : public nlohmann::json_sax<nlohmann::json> {
 public:
  int deepest = 0;
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return open(); }
  bool key(string_t&) override { return true; }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  bool open() {
    deepest = std::max(deepest, ++now_);
    return true;
  }
  bool close() {
    --now_;
    return true;
  }
  int now_ = 0;
};

void same_values(const Json& ours, const nlohmann::ordered_json& theirs) {
  if (theirs.is_object()) {
    require(ours.is_object(), "an object is an object");
    for (const auto& [name, value] : ours.members()) {
      require(theirs.contains(name), "a member of ours is one of theirs");
    }
    for (const auto& [name, value] : theirs.items()) {
      std::size_t count = 0;
      for (const auto& member : ours.members()) {
        count += member.first == name ? 1 : 0;
      }
      require(count > 0, "a member of theirs is one of ours");
      if (count == 1) {  // of several the first counts here and the last there
        same_values(ours[name], value);
      }
    }
  } else if (theirs.is_array()) {
    require(ours.is_array() && ours.items().size() == theirs.size(), "an array is an array");
    for (std::size_t i = 0; i < theirs.size(); ++i) {
      same_values(ours.items()[i], theirs[i]);
    }
  } else if (theirs.is_string()) {
    require(ours.is_text() && ours.text() == theirs.get<std::string>(), "a text is that text");
  } else if (theirs.is_boolean()) {
    require(ours.boolean() == theirs.get<bool>(), "true is true");
  } else if (theirs.is_number_integer() && !theirs.is_number_unsigned()) {
    require(ours.integer() == theirs.get<std::int64_t>(), "an integer is that integer");
  } else if (theirs.is_number_unsigned() && theirs.get<std::uint64_t>() <= INT64_MAX) {
    require(ours.integer() == theirs.get<std::int64_t>(), "an integer is that integer");
  } else if (theirs.is_number()) {
    require(ours.real() == theirs.get<double>(), "a number is that number");
  } else {
    require(ours.is_null(), "null is null");
  }
}

}  // namespace
}  // namespace freshet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet;
  using namespace freshet::fuzz;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::optional<Json> ours = Json::parse(text, kDepth);
  // Theirs takes a NUL for the end of the text.
  const bool theirs_accept =
      text.find('\0') == std::string_view::npos && nlohmann::json::accept(text);
  if (!theirs_accept) {
    require(!ours, "what is no JSON is refused");
    return 0;
  }
  Depth depth;
  nlohmann::json::sax_parse(text, &depth);
  require(ours.has_value() == (depth.deepest <= kDepth), "JSON is taken up to the depth");
  if (ours) {
    same_values(*ours, nlohmann::ordered_json::parse(text));
    const std::string written = ours->dump();
    const std::optional<Json> again = Json::parse(written, kDepth);
    require(again && again->dump() == written, "what was written is read and written the same");
    require(Json::parse(ours->dump(2), kDepth)->dump() == written, "for people too");
  }
  return 0;
}
