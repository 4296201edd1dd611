#pragma once

#include <string>

#include "base/result.h"
#include "checkout/conversion.h"
#include "mirror/git2.h"
#include "model/ids.h"

namespace freshet::checkout {

/// What the .gitattributes of one commit say; no other file and no configuration counts. Has a
/// handle of its own, because libgit2 reads everything anew when one is asked about two commits in
/// turn. One thread.
class Attributes {
 public:
  static Result<Attributes> of(const std::string& mirror_path, const ObjectId& commit);

  /// How the file at `path` is written.
  Result<Conversion> conversion(const std::string& path) const;

 private:
  Attributes(mirror::git2::Repository repository, const git_oid& commit)
      : repository_(std::move(repository)), commit_(commit) {}

  mirror::git2::Repository repository_;
  git_oid commit_;
};

}  // namespace freshet::checkout
