#include "mirror/git2_memory.h"

#include <git2.h>
#include <git2/sys/alloc.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace freshet::mirror::git2 {
namespace {

/// Not what leads past the bound, whose one failure path libgit2 knows well: its out of memory.
void* resized(void* old, std::size_t size) {
  if (size > kLargestObject) {
    git_error_set_oom();
    return nullptr;
  }
  void* result = std::realloc(old, std::max<std::size_t>(size, 1));  // NOLINT
  if (result == nullptr) {
    git_error_set_oom();
  }
  return result;
}

/// Beyond any bound where it does not fit.
std::size_t product(std::size_t count, std::size_t size) {
  return size != 0 && count > SIZE_MAX / size ? SIZE_MAX : count * size;
}

void* allocate(std::size_t size, const char* /*file*/, int /*line*/) {
  return resized(nullptr, size);
}

void* allocate_array(std::size_t count, std::size_t size, const char* /*file*/, int /*line*/) {
  return resized(nullptr, product(count, size));
}

void* allocate_zeroes(std::size_t count, std::size_t size, const char* /*file*/, int /*line*/) {
  const std::size_t all = product(count, size);
  void* result = resized(nullptr, all);
  return result == nullptr ? nullptr : std::memset(result, 0, all);
}

void* reallocate(void* old, std::size_t size, const char* /*file*/, int /*line*/) {
  return resized(old, size);
}

void* reallocate_array(void* old, std::size_t count, std::size_t size, const char* /*file*/,
                       int /*line*/) {
  return resized(old, product(count, size));
}

char* copy(const char* text, std::size_t size) {
  auto* result = static_cast<char*>(resized(nullptr, size + 1));
  if (result != nullptr) {
    std::memcpy(result, text, size);
    result[size] = '\0';
  }
  return result;
}

char* copy_text(const char* text, const char* /*file*/, int /*line*/) {
  return copy(text, std::strlen(text));
}

char* copy_beginning(const char* text, std::size_t most, const char* /*file*/, int /*line*/) {
  return copy(text, ::strnlen(text, most));
}

char* copy_bytes(const char* bytes, std::size_t size, const char* /*file*/, int /*line*/) {
  return copy(bytes, size);
}

}  // namespace

void bound_memory() {
  // Copied by libgit2.
  git_allocator allocator{allocate,   allocate_zeroes,  copy_text,      copy_beginning, copy_bytes,
                          reallocate, reallocate_array, allocate_array, std::free};
  git_libgit2_opts(GIT_OPT_SET_ALLOCATOR, &allocator);
}

}  // namespace freshet::mirror::git2
