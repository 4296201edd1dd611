#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

#include "fuzzing.h"

namespace freshet::fuzz {

/// A directory in memory, for as long as the program runs.
class Scratch {
 public:
  static const std::string& path() {
    static const Scratch kScratch;
    return kScratch.path_;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

 private:
  Scratch() { require(::mkdtemp(path_.data()) != nullptr, "there is a directory"); }
  ~Scratch() { std::filesystem::remove_all(path_); }

  std::string path_ = "/dev/shm/freshet-fuzz-XXXXXX";
};

}  // namespace freshet::fuzz
