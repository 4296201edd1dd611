#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace freshet {

/// A text that cannot be printed by accident: it has no conversion and no output operator, and its
/// memory is overwritten when it goes. Thread-safe to read.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  /// For the one call that needs it: an HMAC, a header, a child's environment.
  std::string_view reveal() const { return value_; }
  bool empty() const { return value_.empty(); }

 private:
  void wipe() noexcept;
  std::string value_;
};

/// Where the file of a secret is: `location` itself, or $CREDENTIALS_DIRECTORY/NAME for
/// "credential:NAME". Error config: there is no such directory.
Result<std::string> secret_path(const std::string& location);

/// Reads a secret from a file, or from $CREDENTIALS_DIRECTORY/NAME when `location` is
/// "credential:NAME". One line end at the end is not part of it. Read anew at each call, so that a
/// rotated file counts at once. An empty file, one over 64 KiB, or what is no regular file
/// (a pipe could keep us waiting) is an error of class config (an HMAC under an empty key would
/// accept anybody). The error names the location only.
Result<Secret> read_secret(const std::string& location);

}  // namespace freshet
