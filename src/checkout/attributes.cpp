#include "checkout/attributes.h"

#include <array>

namespace freshet::checkout {
namespace {

namespace git2 = mirror::git2;

Attribute attribute(const char* value) {
  switch (git_attr_value(value)) {
    case GIT_ATTR_VALUE_TRUE:
      return {Attribute::State::set};
    case GIT_ATTR_VALUE_FALSE:
      return {Attribute::State::unset};
    case GIT_ATTR_VALUE_STRING:
      return {Attribute::State::value, value};
    case GIT_ATTR_VALUE_UNSPECIFIED:
      break;
  }
  return {};
}

}  // namespace

Result<Attributes> Attributes::of(const std::string& mirror_path, const ObjectId& commit) {
  FRESHET_TRY(git2::Repository repository, git2::open_bare(mirror_path));
  FRESHET_TRY(const git_oid id, git2::to_oid(commit));
  return Attributes(std::move(repository), id);
}

Result<Conversion> Attributes::conversion(const std::string& path) const {
  git_attr_options options{};
  options.version = GIT_ATTR_OPTIONS_VERSION;
  options.flags = GIT_ATTR_CHECK_NO_SYSTEM | GIT_ATTR_CHECK_INCLUDE_COMMIT;
  options.attr_commit_id = commit_;
  std::array<const char*, 4> names{"text", "crlf", "eol", "ident"};
  std::array<const char*, 4> values{};
  if (git_attr_get_many_ext(values.data(), repository_.get(), &options, path.c_str(), names.size(),
                            names.data()) != 0) {
    return fail(git2::last_error("cannot read the attributes of " + path));
  }
  return conversion_for(attribute(values[0]), attribute(values[1]), attribute(values[2]),
                        attribute(values[3]));
}

}  // namespace freshet::checkout
