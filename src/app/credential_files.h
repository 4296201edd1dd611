#pragma once

#include <string>
#include <vector>

#include "config/settings.h"

namespace freshet::app {

/// One thing that is wrong with a file that a [[credential]] names, or with the credential.
struct CredentialProblem {
  std::string match;
  std::string key;  ///< "token_file"; empty: the credential as a whole
  std::string file;
  std::string message;  ///< no content of a file
  bool fatal = true;    ///< false: it works, but should not be so
};

/// Looks at each file as this user: whether it can be read, holds what it should and is closed to
/// others where it holds a secret; and whether each credential is used at all.
std::vector<CredentialProblem> check_credential_files(const config::Settings& settings);

}  // namespace freshet::app
