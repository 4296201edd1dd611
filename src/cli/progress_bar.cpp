#include "cli/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <set>

#include "app/progress_log.h"
#include "base/mutex.h"
#include "base/utf8.h"
#include "base/visible.h"
#include "cli/output.h"
#include "cli/style.h"

namespace freshet::cli {
namespace {

constexpr std::size_t kWidth = 30;
constexpr Duration kBetweenDrawings{100};
constexpr std::size_t kUsualColumns = 80;  ///< where the terminal does not say

/// "docs receiving [#####     ] 512/1024, and 2 more"
std::string line_of(const RepositoryName& name, const remote::Progress& progress,
                    std::size_t others) {
  std::string text = visible(name.text()) + " " + progress.phase + " ";
  if (progress.total_objects > 0) {
    const std::uint64_t done = std::min(progress.objects, progress.total_objects);
    const auto filled = static_cast<std::size_t>(kWidth * done / progress.total_objects);
    text += fmt::format("[{}{}] {}/{}", std::string(filled, '#'), std::string(kWidth - filled, ' '),
                        progress.objects, progress.total_objects);
  } else {
    text += std::to_string(progress.objects);
  }
  text += others > 0 ? fmt::format(", and {} more", others) : "";
  const std::size_t columns = terminal_width(STDERR_FILENO);
  return cut_to_width(text, (columns == 0 ? kUsualColumns : columns) - 1);
}

/// One line for all fetches that are under way, drawn a few times a second. Thread-safe.
class Bar {
 public:
  void show(const RepositoryName& name, const remote::Progress& progress) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    // The last word of a fetch: what counts is printed after it.
    if (progress.phase == "resolving" && progress.objects == progress.total_objects) {
      under_way_.erase(name);
      std::cerr << kEraseLine << std::flush;
      return;
    }
    under_way_.insert(name);
    if (now() - drawn_ < kBetweenDrawings) {
      return;
    }
    drawn_ = now();
    std::cerr << kEraseLine << line_of(name, progress, under_way_.size() - 1) << std::flush;
  }

 private:
  Mutex mutex_;
  std::set<RepositoryName> under_way_ GUARDED_BY(mutex_);
  Instant drawn_ GUARDED_BY(mutex_){};
};

}  // namespace

app::ProgressObserver show_progress() {
  if (!is_terminal(STDERR_FILENO)) {
    return app::log_progress();
  }
  return [bar = std::make_shared<Bar>()](const RepositoryName& name,
                                         const remote::Progress& progress) {
    bar->show(name, progress);
  };
}

void clear_progress() {
  if (is_terminal(STDERR_FILENO)) {
    std::cerr << kEraseLine << std::flush;
  }
}

}  // namespace freshet::cli
