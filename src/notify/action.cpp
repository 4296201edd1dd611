#include "notify/action.h"

#include <algorithm>

#include "base/hmac.h"
#include "base/json.h"
#include "base/url.h"
#include "notify/glob.h"

namespace freshet::notify {
namespace {

Json list_of(const std::vector<std::string>& texts) {
  return Json::Array(texts.begin(), texts.end());
}

bool ref_matches(const std::string& pattern, const std::string& ref) {
  return pattern.ends_with('*') ? ref.starts_with(pattern.substr(0, pattern.size() - 1))
                                : ref == pattern;
}

}  // namespace

std::string Action::id() const {
  Json all = Json::array();
  all.push(list_of(run));
  all.push(post);
  all.push(list_of(paths));
  all.push(list_of(refs));
  return to_hex(sha256(all.dump())).substr(0, 32);
}

std::string Action::label() const {
  return run.empty() ? redact_urls(post.substr(0, post.find('?'))) : run.front();
}

bool Action::wants(const RefName& ref) const {
  return refs.empty() || std::any_of(refs.begin(), refs.end(), [&](const std::string& pattern) {
           return ref_matches(pattern, ref.text());
         });
}

bool Action::wants(const ChangedPaths& changed) const {
  if (paths.empty() || changed.truncated) {
    return true;
  }
  return std::any_of(changed.paths.begin(), changed.paths.end(), [&](const std::string& path) {
    return std::any_of(paths.begin(), paths.end(),
                       [&](const std::string& pattern) { return glob_matches(pattern, path); });
  });
}

}  // namespace freshet::notify
