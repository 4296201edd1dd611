#pragma once

#include <sys/stat.h>

#include <map>
#include <string>

#include "base/mutex.h"
#include "base/secret.h"

namespace freshet {

/// read_secret() for whoever needs the same secrets thousands of times a second: the file is looked
/// at each time, and read again when it is another one, or its size or times have changed. Any
/// thread.
class SecretCache {
 public:
  Result<Secret> read(const std::string& location) EXCLUDES(mutex_);

 private:
  struct Known {
    struct stat file {};
    Secret secret;
  };

  Mutex mutex_;
  std::map<std::string, Known> known_ GUARDED_BY(mutex_);
};

}  // namespace freshet
