#pragma once

#include "model/trigger.h"

namespace freshet::schedule {

/// Lower goes first: what somebody waits for, then repositories that nobody has looked at yet.
inline int weight(Cause cause) {
  switch (cause) {
    case Cause::manual:
    case Cause::delivery:
      return 0;
    case Cause::start:
      return 1;
    case Cause::retry:
    case Cause::poll:
      break;
  }
  return 2;
}

}  // namespace freshet::schedule
