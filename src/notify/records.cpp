#include "notify/records.h"

#include "base/files.h"
#include "base/hmac.h"

namespace freshet::notify {

std::string Records::file_of(const std::string& path, const std::string& about) const {
  return directory_ + "/" + to_hex(sha256(path + '\0' + about)).substr(0, 32) + ".json";
}

Json Records::read(const std::string& path, const std::string& about) const {
  const auto text = read_file(file_of(path, about));
  const auto record = text ? Json::parse(*text) : std::nullopt;
  const bool ours =
      record && (*record)["path"].text() == path && (*record)["about"].text() == about;
  return ours ? *record : Json();
}

Result<void> Records::write(const std::string& path, const std::string& about, Json record) const {
  FRESHET_CHECK(make_directories(directory_));
  record.set("path", path);
  record.set("about", about);
  return write_file_atomically(file_of(path, about), record.dump(2) + "\n");
}

void Records::remove(const std::string& path, const std::string& about) const {
  static_cast<void>(remove_tree(file_of(path, about)));
}

}  // namespace freshet::notify
