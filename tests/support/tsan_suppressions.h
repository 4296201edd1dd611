#pragma once

// For the thread sanitizer only. libgit2 takes the locks of a handle's attribute cache and of the
// files in it in both orders; a handle belongs to one thread, so that nobody can wait for another.

#ifdef __SANITIZE_THREAD__
extern "C" inline __attribute__((used)) const char* __tsan_default_suppressions() {  // NOLINT
  return "deadlock:libgit2.so\n";
}
#endif
