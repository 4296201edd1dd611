#include "notify/command.h"

#include <algorithm>

#include "base/quantity.h"
#include "base/subprocess.h"
#include "notify/message.h"

namespace freshet::notify {
namespace {

constexpr std::size_t kLongestLine = 300;

/// What a program said last, fit for one line.
std::string last_line(std::string_view text) {
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos) {
    return "";
  }
  text = text.substr(0, end + 1);
  const std::size_t before = text.find_last_of("\r\n");
  text = before == std::string_view::npos ? text : text.substr(before + 1);
  std::string line(text.substr(0, kLongestLine));
  std::replace_if(
      line.begin(), line.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return line;
}

/// ": " and its last words; many programs complain on standard output.
std::string last_words(const ChildResult& result) {
  std::string said = last_line(result.error_text);
  if (said.empty()) {
    said = last_line(result.output);
  }
  return said.empty() ? "" : ": " + said;
}

std::string reason(const ChildResult& result) {
  const std::string end = result.end == ChildResult::End::killed
                              ? " was killed by signal " + std::to_string(result.status)
                              : " ended with status " + std::to_string(result.status);
  return end + last_words(result);
}

}  // namespace

Result<void> run_command(const Command& command, const Publication& publication,
                         const std::string& document, const CancelToken& cancel) {
  ChildSpec spec;
  spec.arguments = command.run;
  spec.environment = command.environment;
  const std::vector<std::string> ours = variables(publication);
  spec.environment.insert(spec.environment.end(), ours.begin(), ours.end());
  spec.directory = publication.tree;
  spec.input = document;
  spec.only_last_output = true;
  spec.time_limit = command.timeout;
  FRESHET_TRY(const ChildResult result, run_child(spec, cancel));
  const std::string& program = command.run.front();
  if (result.succeeded()) {
    return {};
  }
  if (result.end == ChildResult::End::cancelled) {
    return fail(ErrorClass::conflict, program + " was ended, since freshet stops");
  }
  if (result.end == ChildResult::End::time_limit) {
    return fail(ErrorClass::timeout, program + " was ended after " +
                                         format_duration(command.timeout) + last_words(result));
  }
  return fail(ErrorClass::conflict, program + reason(result));
}

}  // namespace freshet::notify
