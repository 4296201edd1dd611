#pragma once

#include <cstddef>

namespace freshet::mirror::git2 {

/// What libgit2 may ask for at once. It reads an object whole, and a few bytes of a pack can unfold
/// to any size: a larger one is an error and not the end of the process.
constexpr std::size_t kLargestObject = std::size_t{1} << 30U;

/// Has libgit2 fail beyond that, with its error of the class GIT_ERROR_NOMEMORY. Once, before it is
/// initialised.
void bound_memory();

}  // namespace freshet::mirror::git2
