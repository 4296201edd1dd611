#include "config/describe.h"

#include "config/table.h"

namespace freshet::config {

const std::vector<SettingInfo>& all_settings() {
  static const std::vector<SettingInfo> all = [] {
    std::vector<SettingInfo> settings;
    file_section().describe("", "", settings);
    return settings;
  }();
  return all;
}

}  // namespace freshet::config
