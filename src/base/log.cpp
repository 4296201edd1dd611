#include "base/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>

#include "base/clock.h"
#include "base/json.h"
#include "base/visible.h"

namespace freshet::log {
namespace {

std::atomic<Format> g_format{Format::text};

/// Whether standard error is the journal itself, as systemd.exec(5) says to find out: the variable
/// is inherited by those who write into another file or pipe, too.
bool is_journal() {
  const char* const stream = ::secure_getenv("JOURNAL_STREAM");
  struct stat error {};
  return stream != nullptr && ::fstat(STDERR_FILENO, &error) == 0 &&
         fmt::format("{}:{}", error.st_dev, error.st_ino) == stream;
}

/// The journal knows the time, and takes "<6>" as a priority.
bool to_journal() {
  static const bool kJournal = is_journal();
  return kJournal;
}

std::shared_ptr<spdlog::logger> make_logger() {
  auto logger = std::make_shared<spdlog::logger>("freshet",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%v");
  logger->flush_on(spdlog::level::trace);
  return logger;
}

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> kLogger = make_logger();
  return *kLogger;
}

spdlog::level::level_enum vendor_level(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      break;
  }
  return spdlog::level::err;
}

std::string_view name_of(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warning:
      return "warning";
    case Level::error:
      break;
  }
  return "error";
}

/// syslog(3) priorities.
std::string_view journal_prefix(Level level) {
  switch (level) {
    case Level::debug:
      return "<7>";
    case Level::info:
      return "<6>";
    case Level::warning:
      return "<4>";
    case Level::error:
      break;
  }
  return "<3>";
}

bool is_plain(std::string_view value) {
  if (value.empty()) {
    return false;
  }
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte >= 0x7f || c == '"' || c == '=' || c == '\\') {
      return false;
    }
  }
  return true;
}

std::string text_line(Level level, std::string_view event, std::initializer_list<Field> fields) {
  std::string line;
  if (to_journal()) {
    line = journal_prefix(level);
  } else {
    line = to_rfc3339(wall_now());
    line += ' ';
    line += name_of(level);
    line += ' ';
  }
  line += event;
  for (const Field& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    line += is_plain(field.value) ? field.value : visible(Json(field.value).dump());
  }
  return line;
}

std::string json_line(Level level, std::string_view event, std::initializer_list<Field> fields) {
  Json line =
      Json::object({{"time", to_rfc3339(wall_now())}, {"level", name_of(level)}, {"event", event}});
  for (const Field& field : fields) {
    line.set(std::string(field.key), field.value);
  }
  return (to_journal() ? std::string(journal_prefix(level)) : std::string()) +
         visible_json(line.dump());
}

}  // namespace

void configure(Level level, Format format) {
  g_format = format;
  logger().set_level(vendor_level(level));
}

void write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  if (!logger().should_log(vendor_level(level))) {
    return;
  }
  const std::string line =
      g_format == Format::json ? json_line(level, event, fields) : text_line(level, event, fields);
  // As a value, never as the format: a ref may be called "{}".
  logger().log(vendor_level(level), "{}", line);
}

}  // namespace freshet::log
