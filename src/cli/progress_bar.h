#pragma once

#include "app/one_shot.h"
#include "cli/command.h"

namespace freshet::cli {

/// A bar on standard error when that is a terminal; log lines for long fetches otherwise.
app::ProgressObserver show_progress();
/// Takes away what is left of the bar of a fetch that failed.
void clear_progress();

/// Prints how refreshes ended; the exit status that follows from it.
int report(const Global& global, const app::Refreshed& refreshed);

}  // namespace freshet::cli
