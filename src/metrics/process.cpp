#include "metrics/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <sstream>
#include <string>

#include "base/files.h"

namespace freshet::metrics {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::string content(const std::string& path) {
  return read_file(path).value_or("");
}

/// Ticks after the boot, the 22nd field of proc(5)'s stat. The second is a name in parentheses that
/// may hold anything.
double start_ticks() {
  const std::string stat = content("/proc/self/stat");
  const std::size_t behind_name = stat.rfind(')');
  if (behind_name == std::string::npos) {
    return 0;
  }
  std::istringstream fields(stat.substr(behind_name + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) {
    fields >> field;
  }
  return std::strtod(field.c_str(), nullptr);
}

double boot_time() {
  constexpr std::string_view kName = "\nbtime ";
  const std::string stat = content("/proc/stat");
  const std::size_t at = stat.find(kName);
  return at == std::string::npos ? 0 : std::strtod(stat.c_str() + at + kName.size(), nullptr);
}

double start_time() {
  return boot_time() + start_ticks() / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

ProcessFigures process_figures() {
  static const double kStart = start_time();
  ProcessFigures figures;
  figures.start_time = kStart;
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    figures.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  std::uint64_t pages = 0;
  std::istringstream(content("/proc/self/statm")) >> pages >> pages;  // the second: resident
  figures.resident_bytes = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  if (const auto open = list_directory("/proc/self/fd")) {
    figures.open_fds = open->size();
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    figures.max_fds = limit.rlim_cur;
  }
  return figures;
}

void write_process(Exposition& out, const ProcessFigures& figures) {
  const auto write = [&out](std::string_view name, std::string_view type, std::string_view help,
                            double value) {
    out.family(name, type, help);
    out.sample(name, {}, value);
  };
  write("process_cpu_seconds_total", "counter", "User and system time spent.", figures.cpu_seconds);
  write("process_start_time_seconds", "gauge", "When the process started.", figures.start_time);
  write("process_resident_memory_bytes", "gauge", "Memory that is resident.",
        static_cast<double>(figures.resident_bytes));
  write("process_open_fds", "gauge", "Open file descriptors.",
        static_cast<double>(figures.open_fds));
  write("process_max_fds", "gauge", "Most file descriptors that may be open.",
        static_cast<double>(figures.max_fds));
}

}  // namespace freshet::metrics
