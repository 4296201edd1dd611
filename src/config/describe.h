#pragma once

#include <string>
#include <vector>

namespace freshet::config {

/// What there is to know about one setting, for people: the manual and suggestions are made of it.
struct SettingInfo {
  std::string section;  ///< "server", "repository.checkout"; empty: the top of the file
  std::string header;   ///< the section as it is written: "[server]", "[[repository.checkout]]"
  std::string key;
  std::string kind;          ///< "duration", "list of file", "table", "list of tables"
  std::string expected;      ///< completes "expected ..."; empty for tables
  std::string default_text;  ///< in TOML; empty: none, or it follows from other settings
  std::string description;   ///< one sentence
  bool required = false;
};

/// Every setting that a file may hold, in the order of the manual. Any thread.
const std::vector<SettingInfo>& all_settings();

}  // namespace freshet::config
