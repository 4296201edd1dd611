#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace freshet::log {

enum class Level { debug, info, warning, error };
enum class Format { text, json };

/// One `key=value` of a line; not "time", "level" or "event", which every line has. Values are
/// quoted where they need it, so that nothing in a ref name or a foreign message can forge a field
/// or a line, or speak to a terminal.
struct Field {
  std::string_view key;
  std::string value;
  Field(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, std::int64_t v) : key(k), value(std::to_string(v)) {}
};

/// Before any thread starts, and again at a reload. Lines go to standard error; under a service
/// manager that reads the journal they carry a priority and no time.
void configure(Level level, Format format);

/// Any thread.
void write(Level level, std::string_view event, std::initializer_list<Field> fields = {});

inline void debug(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::debug, event, fields);
}
inline void info(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::info, event, fields);
}
inline void warning(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::warning, event, fields);
}
inline void error(std::string_view event, std::initializer_list<Field> fields = {}) {
  write(Level::error, event, fields);
}

}  // namespace freshet::log
