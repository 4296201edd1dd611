#include "base/secret.h"

#include <cstdlib>
#include <cstring>

#include "base/files.h"

namespace freshet {
namespace {

constexpr std::string_view kCredential = "credential:";
constexpr std::size_t kLargestSecret = std::size_t{64} * 1024;

}  // namespace

// Copied, since what a moved string leaves behind is no longer in reach to be wiped.
Secret::Secret(Secret&& other) noexcept : value_(other.value_) {  // NOLINT(performance-*)
  other.wipe();
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    value_ = other.value_;
    other.wipe();
  }
  return *this;
}

Secret::~Secret() {
  wipe();
}

void Secret::wipe() noexcept {
  explicit_bzero(value_.data(), value_.size());
  value_.clear();
}

Result<std::string> secret_path(const std::string& location) {
  if (!location.starts_with(kCredential)) {
    return location;
  }
  const char* directory = ::secure_getenv("CREDENTIALS_DIRECTORY");
  if (directory == nullptr) {
    return fail(ErrorClass::config, location +
                                        " needs the service manager to pass credentials "
                                        "(LoadCredential=), but CREDENTIALS_DIRECTORY is not set");
  }
  return std::string(directory) + "/" + location.substr(kCredential.size());
}

Result<Secret> read_secret(const std::string& location) {
  FRESHET_TRY(const std::string path, secret_path(location));
  auto content = read_file(path, kLargestSecret);
  if (!content) {
    return fail(ErrorClass::config, "cannot read the secret: " + content.error().message);
  }
  std::string text = std::move(*content);
  if (text.ends_with('\n')) {
    text.pop_back();
    if (text.ends_with('\r')) {
      text.pop_back();
    }
  }
  if (text.empty()) {
    return fail(ErrorClass::config, "the secret file " + path + " is empty");
  }
  return Secret(std::move(text));
}

}  // namespace freshet
