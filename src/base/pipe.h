#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace freshet {

/// pipe(2), closed in programs that this process starts.
struct Pipe {
  UniqueFd read;
  UniqueFd write;
};
Result<Pipe> make_pipe();

}  // namespace freshet
