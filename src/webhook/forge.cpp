#include "webhook/forge.h"

#include <algorithm>
#include <array>

namespace freshet::webhook {
namespace {

constexpr std::size_t kLongestId = 128;

const auto& forges() {
  static const std::array kForges{
      &github(),
  };
  return kForges;
}

std::string_view first_of(const http::Headers& headers,
                          const std::vector<std::string_view>& names) {
  for (const std::string_view name : names) {
    if (const auto value = headers.find(name); value && !value->empty()) {
      return *value;
    }
  }
  return {};
}

}  // namespace

const Forge* find_forge(std::string_view name) {
  const auto& all = forges();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Forge* forge) { return forge->name == name; });
  return found == all.end() ? nullptr : *found;
}

std::vector<const Forge*> all_forges() {
  return {forges().begin(), forges().end()};
}

std::string event_of(const Forge& forge, const http::Headers& headers) {
  return std::string(first_of(headers, forge.event_headers));
}

std::optional<std::string> delivery_id_of(const Forge& forge, const http::Headers& headers) {
  const std::string_view id = first_of(headers, forge.id_headers);
  const bool printable =
      std::all_of(id.begin(), id.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (id.empty() || !printable) {
    return std::nullopt;
  }
  return std::string(id.substr(0, kLongestId));
}

Result<Delivery> read_delivery(const Forge& forge, std::string_view event, std::string_view body) {
  const std::optional<Json> payload = Json::parse(body, kPayloadDepth);
  if (!payload) {
    return fail(ErrorClass::protocol, "the body is not JSON, or is nested too deeply");
  }
  if (!payload->is_object()) {
    return fail(ErrorClass::protocol, "the body is not a JSON object");
  }
  return forge.read(event, *payload);
}

}  // namespace freshet::webhook
