#include "remote/git_errors.h"

#include <algorithm>
#include <cctype>

#include "base/url.h"

namespace freshet::remote {
namespace {

struct Sign {
  std::string_view text;  ///< in lower case
  ErrorClass error_class;
  std::string_view advice = {};
};

/// In order: the first that occurs counts, so the more telling stand above the more general.
constexpr Sign kSigns[] = {
    {"no space left on device", ErrorClass::no_space},
    {"disk quota exceeded", ErrorClass::no_space},
    {"host key verification failed", ErrorClass::auth,
     "add the host's key to known_hosts after checking it"},
    {"permission denied (", ErrorClass::auth, "the upstream takes none of the ssh keys offered"},
    {"authentication failed", ErrorClass::auth, "check the credential for this upstream"},
    {"could not read username", ErrorClass::auth, "the upstream asks for a credential"},
    {"could not read password", ErrorClass::auth, "the upstream asks for a credential"},
    {"invalid username or password", ErrorClass::auth, "check the credential for this upstream"},
    {"returned error: 401", ErrorClass::auth, "check the credential for this upstream"},
    {"returned error: 403", ErrorClass::auth, "the credential may not read this repository"},
    {"returned error: 429", ErrorClass::rate_limited},
    {"too many requests", ErrorClass::rate_limited},
    {"returned error: 404", ErrorClass::not_found},
    {"couldn't find remote ref", ErrorClass::not_found},
    {"not our ref", ErrorClass::not_found},
    {"repository not found", ErrorClass::not_found},
    {"does not appear to be a git repository", ErrorClass::not_found},
    {"repository '", ErrorClass::not_found},  // "fatal: repository 'URL' not found"
    {"not a git repository", ErrorClass::not_found},
    {"no such file or directory", ErrorClass::not_found},
    {"returned error: 5", ErrorClass::protocol},
    {"returned error: 4", ErrorClass::protocol},
    {"operation too slow", ErrorClass::timeout},
    {"connection timed out", ErrorClass::timeout},
    {"operation timed out", ErrorClass::timeout},
    {"timeout, server", ErrorClass::timeout},
    {"could not resolve", ErrorClass::network},
    {"name or service not known", ErrorClass::network},
    {"temporary failure in name resolution", ErrorClass::network},
    {"failed to connect", ErrorClass::network},
    {"couldn't connect", ErrorClass::network},
    {"connection refused", ErrorClass::network},
    {"connection reset", ErrorClass::network},
    {"connection closed", ErrorClass::network},
    {"network is unreachable", ErrorClass::network},
    {"no route to host", ErrorClass::network},
    {"ssl certificate problem", ErrorClass::network,
     "the upstream's certificate is not trusted here"},
    {"certificate", ErrorClass::network},
    {"ssl", ErrorClass::network},
    {"gnutls", ErrorClass::network},
    {"did not send all necessary objects", ErrorClass::corrupt},
    {"index-pack failed", ErrorClass::corrupt},
    {"inflate", ErrorClass::corrupt},
    {"pack has", ErrorClass::corrupt},
    {"sha1 mismatch", ErrorClass::corrupt},
    {"missing blob", ErrorClass::corrupt},
    {"missing tree", ErrorClass::corrupt},
    {"bad object", ErrorClass::corrupt},
    {"early eof", ErrorClass::protocol},
    {"hung up", ErrorClass::network},
    {"bad line length", ErrorClass::protocol},
    {"expected", ErrorClass::protocol},
    {"protocol error", ErrorClass::protocol},
};

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

/// The line that holds the byte at `position`, without "fatal: " and "error: ".
std::string line_around(std::string_view text, std::size_t position) {
  const std::size_t before = text.find_last_of("\r\n", position);
  const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
  std::string_view line = text.substr(begin, text.find_first_of("\r\n", position) - begin);
  for (const std::string_view prefix : {"fatal: ", "error: ", "remote: "}) {
    if (line.starts_with(prefix)) {
      line.remove_prefix(prefix.size());
    }
  }
  return std::string(line.substr(0, 400));
}

std::string last_line(std::string_view text) {
  const std::size_t end = text.find_last_not_of("\r\n ");
  return end == std::string_view::npos ? "git said nothing" : line_around(text, end);
}

}  // namespace

Error explain_git_failure(const ChildResult& result) {
  switch (result.end) {
    case ChildResult::End::cancelled:
      return {ErrorClass::conflict, "cancelled", std::nullopt};
    case ChildResult::End::time_limit:
      return {ErrorClass::timeout, "the upstream did not finish within the time limit",
              std::nullopt};
    case ChildResult::End::silence_limit:
      return {ErrorClass::timeout, "the upstream sent nothing for too long", std::nullopt};
    case ChildResult::End::output_limit:
      return {ErrorClass::protocol, "the upstream's answer is too large", std::nullopt};
    case ChildResult::End::killed:
      return {ErrorClass::internal, "git was ended by signal " + std::to_string(result.status),
              std::nullopt};
    case ChildResult::End::exited:
      break;
  }
  const std::string text = lower(result.error_text);
  for (const Sign& sign : kSigns) {
    if (const std::size_t position = text.find(sign.text); position != std::string::npos) {
      std::string message = redact_urls(line_around(result.error_text, position));
      if (!sign.advice.empty()) {
        message += "; " + std::string(sign.advice);
      }
      return {sign.error_class, std::move(message), std::nullopt};
    }
  }
  return {ErrorClass::protocol, redact_urls(last_line(result.error_text)), std::nullopt};
}

}  // namespace freshet::remote
