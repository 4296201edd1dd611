#include "notify/message.h"

#include "base/base64.h"
#include "base/hmac.h"
#include "base/json.h"

namespace freshet::notify {
namespace {

constexpr std::string_view kBase64Key = "whsec_";

std::string old_of(const Publication& publication) {
  return publication.old_commit ? publication.old_commit->hex() : "";
}

}  // namespace

std::vector<std::string> variables(const Publication& publication) {
  return {"FRESHET_REPOSITORY=" + publication.repository.text(),
          "FRESHET_PATH=" + publication.path,
          "FRESHET_TREE=" + publication.tree,
          "FRESHET_REF=" + publication.ref.text(),
          "FRESHET_OLD=" + old_of(publication),
          "FRESHET_NEW=" + publication.new_commit.hex(),
          "FRESHET_TRIGGER=" + std::string(to_string(publication.cause))};
}

std::string document(const Publication& publication, const ChangedPaths& changed) {
  Json json =
      Json::object({{"repository", publication.repository.text()},
                    {"path", publication.path},
                    {"tree", publication.tree},
                    {"ref", publication.ref.text()},
                    {"old", old_of(publication)},
                    {"new", publication.new_commit.hex()},
                    {"trigger", to_string(publication.cause)},
                    {"changed_paths", Json::Array(changed.paths.begin(), changed.paths.end())}});
  if (changed.truncated) {
    json.set("truncated", true);
  }
  return json.dump() + "\n";
}

Result<Secret> signing_key(const Secret& secret) {
  const std::string_view text = secret.reveal();
  if (!text.starts_with(kBase64Key)) {
    return secret;
  }
  auto key = from_base64(text.substr(kBase64Key.size()));
  if (!key || key->empty()) {
    return fail(ErrorClass::config, "the secret begins with \"whsec_\", but no Base64 follows");
  }
  return Secret(std::move(*key));
}

std::string signature(const Secret& key, const std::string& id, const std::string& timestamp,
                      const std::string& body) {
  const Sha256 digest = hmac_sha256(key.reveal(), id + "." + timestamp + "." + body);
  return "v1," + to_base64(std::string(digest.begin(), digest.end()));
}

}  // namespace freshet::notify
