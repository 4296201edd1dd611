#pragma once

#include <cstdint>

#include "metrics/exposition.h"

namespace freshet::metrics {

/// What the kernel says of this process; 0 where it does not.
struct ProcessFigures {
  double cpu_seconds = 0;            ///< user and system, of all threads
  double start_time = 0;             ///< seconds since 1970
  std::uint64_t resident_bytes = 0;  ///< memory
  std::uint64_t open_fds = 0;
  std::uint64_t max_fds = 0;
};

/// Reads /proc. Any thread.
ProcessFigures process_figures();

/// Under the names that every client library of Prometheus uses; `out` has no prefix.
void write_process(Exposition& out, const ProcessFigures& figures);

}  // namespace freshet::metrics
