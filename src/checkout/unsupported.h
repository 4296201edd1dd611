#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/ids.h"

namespace freshet::checkout {

/// What the root's .gitattributes ask for and freshet does not do: files of Git LFS are published
/// as their pointers, and files with a working-tree-encoding as they lie in the repository. A
/// sentence each. Pure.
std::vector<std::string> unsupported_attributes(std::string_view gitattributes);

/// The paths that a .gitmodules names, in its order. Pure.
std::vector<std::string> submodule_paths(std::string_view gitmodules);

/// What of a commit is published in another way than `git clone` and its helpers would, for a
/// person to know: a sentence each. Looks at .gitmodules and .gitattributes of the root alone, so
/// that it costs nothing. What cannot be read says nothing here: whoever publishes it complains.
std::vector<std::string> unsupported_in(const std::string& mirror_path, const ObjectId& commit);

}  // namespace freshet::checkout
