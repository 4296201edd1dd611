#pragma once

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support/source_directory.h"
#include "webhook/payload.h"

namespace freshet::webhook {

/// tests/support/payloads/NAME.json: what a forge sends, in its shape. Objects named in them are
/// forty times a letter: "a..." before, "b..." after.
inline std::string payload(const std::string& name) {
  const std::string path =
      std::string(FRESHET_SOURCE_DIR) + "/tests/support/payloads/" + name + ".json";
  std::ifstream file(path);
  if (!file) {
    throw std::runtime_error("cannot read " + path);
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

/// `text` with the first `from`, which must be there, replaced.
inline std::string with(std::string text, std::string_view from, std::string_view to) {
  return text.replace(text.find(from), from.size(), to);
}

/// "REF before after" of each change by first digits, "-" for what is not known; or the error.
inline std::vector<std::string> changes(const Result<Delivery>& delivery) {
  if (!delivery) {
    return {"error: " + delivery.error().message};
  }
  const auto digit = [](const std::optional<ObjectId>& id) {
    return id ? id->hex().substr(0, 1) : "-";
  };
  std::vector<std::string> result;
  for (const RefChange& change : delivery->changes) {
    result.push_back(change.ref.text() + " " + digit(change.before) + " " + digit(change.after));
  }
  return result;
}

}  // namespace freshet::webhook
