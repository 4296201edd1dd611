#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"

namespace freshet::notify {

/// What is remembered of checkouts across restarts: small JSON objects, one file each, replaced
/// atomically. The name is a digest of the checkout's path and of what the record is about, which
/// both stand in it too. Thread-safe for different records.
class Records {
 public:
  /// The directory is made with the first record.
  explicit Records(std::string directory) : directory_(std::move(directory)) {}

  /// Null: there is none, or it cannot be read.
  Json read(const std::string& path, const std::string& about) const;
  Result<void> write(const std::string& path, const std::string& about, Json record) const;
  void remove(const std::string& path, const std::string& about) const;

 private:
  std::string file_of(const std::string& path, const std::string& about) const;
  const std::string directory_;
};

}  // namespace freshet::notify
