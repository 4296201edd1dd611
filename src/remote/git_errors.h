#pragma once

#include "base/result.h"
#include "base/subprocess.h"

namespace freshet::remote {

/// What the end of a git child means. Pure. The message is the most telling line of its standard
/// error, without credentials, and what to do where that is known. Only for a child that did not
/// succeed.
Error explain_git_failure(const ChildResult& result);

}  // namespace freshet::remote
