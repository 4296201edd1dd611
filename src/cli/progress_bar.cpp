#include "cli/progress_bar.h"

#include <unistd.h>

#include <iostream>
#include <memory>

#include "app/progress_log.h"
#include "base/mutex.h"
#include "cli/output.h"

namespace freshet::cli {
namespace {

constexpr std::size_t kWidth = 30;

std::string bar(const RepositoryName& name, const remote::Progress& progress) {
  const std::uint64_t total = std::max<std::uint64_t>(progress.total_objects, 1);
  const auto filled = static_cast<std::size_t>(kWidth * std::min(progress.objects, total) / total);
  return "\r\033[K" + name.text() + " " + progress.phase + " [" + std::string(filled, '#') +
         std::string(kWidth - filled, ' ') + "] " + std::to_string(progress.objects) + "/" +
         std::to_string(progress.total_objects);
}

}  // namespace

app::ProgressObserver show_progress() {
  if (!is_terminal(STDERR_FILENO)) {
    return app::log_progress();
  }
  return [mutex = std::make_shared<Mutex>()](const RepositoryName& name,
                                             const remote::Progress& progress) {
    const MutexLock lock(*mutex);
    std::cerr << bar(name, progress);
    // The last line of a fetch is taken away again: what counts is printed after it.
    if (progress.phase == "resolving" && progress.objects == progress.total_objects) {
      std::cerr << "\r\033[K";
    }
    std::cerr << std::flush;
  };
}

}  // namespace freshet::cli
