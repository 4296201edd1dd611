#include "remote/git_errors.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <vector>

#include "base/url.h"

namespace freshet::remote {
namespace {

constexpr std::size_t kLongestMessage = 400;

struct Sign {
  std::string_view text;  ///< in lower case
  ErrorClass error_class;
  std::string_view advice = {};
};

constexpr std::string_view kCheckCredential = "check the credential for this upstream";
constexpr std::string_view kNeedsCredential =
    "the upstream asks for a credential; does the repository exist?";

/// In order: the first that occurs counts, so the more telling stand above the more general.
constexpr Sign kSigns[] = {
    {"no space left on device", ErrorClass::no_space},
    {"disk quota exceeded", ErrorClass::no_space},
    {"host key verification failed", ErrorClass::auth,
     "add the host's key to known_hosts after checking it"},
    {"are too open.", ErrorClass::config,
     "ssh does not use a key that others could read: chmod 0600"},
    {"permission denied (", ErrorClass::auth, "the upstream takes none of the ssh keys offered"},
    {"access denied or repository not exported", ErrorClass::not_found},
    {"authentication failed", ErrorClass::auth, kCheckCredential},
    {"could not read username", ErrorClass::auth, kNeedsCredential},
    {"could not read password", ErrorClass::auth, kNeedsCredential},
    {"invalid username or password", ErrorClass::auth, kCheckCredential},
    {"returned error: 401", ErrorClass::auth, kCheckCredential},
    {"returned error: 403", ErrorClass::auth, "the credential may not read this repository"},
    {"returned error: 429", ErrorClass::rate_limited},
    {"too many requests", ErrorClass::rate_limited},
    {"returned error: 404", ErrorClass::not_found},
    {"couldn't find remote ref", ErrorClass::not_found},
    {"not our ref", ErrorClass::not_found, "the upstream does not have this commit"},
    {"request for unadvertised object", ErrorClass::not_found,
     "the upstream hands out commits by their refs only"},
    {"repository not found", ErrorClass::not_found},
    {"' not found", ErrorClass::not_found},  // "repository 'URL' not found"
    {"could not be found", ErrorClass::not_found},
    {"does not appear to be a git repository", ErrorClass::not_found},
    {"dubious ownership", ErrorClass::config},
    {"' not allowed", ErrorClass::config},  // "transport 'ext' not allowed"
    {"unable to find remote helper", ErrorClass::config, "install git with all its helpers"},
    {"cannot run ssh", ErrorClass::config, "install an ssh client"},
    {"returned error: 408", ErrorClass::timeout},
    {"returned error: ", ErrorClass::protocol},
    {"operation too slow", ErrorClass::timeout},
    {"connection timed out", ErrorClass::network},
    {"operation timed out", ErrorClass::network},
    {"timeout was reached", ErrorClass::network},
    {"timeout, server", ErrorClass::network},
    {"could not resolve", ErrorClass::network},
    {"name or service not known", ErrorClass::network},
    {"temporary failure in name resolution", ErrorClass::network},
    {"unable to look up", ErrorClass::network},
    {"failed to connect", ErrorClass::network},
    {"couldn't connect", ErrorClass::network},
    {"unable to connect", ErrorClass::network},
    {"connection refused", ErrorClass::network},
    {"connection reset", ErrorClass::network},
    {"connection closed by", ErrorClass::network},
    {"network is unreachable", ErrorClass::network},
    {"no route to host", ErrorClass::network},
    {"broken pipe", ErrorClass::network},
    {"certificate", ErrorClass::network, "the upstream's certificate is not trusted here"},
    {"gnutls", ErrorClass::network},
    {"ssl_", ErrorClass::network},
    {"openssl", ErrorClass::network},
    {"tls", ErrorClass::network},
    {"out of memory", ErrorClass::corrupt, "an object wants more memory than a fetch may use"},
    {"mmap failed", ErrorClass::corrupt, "an object wants more memory than a fetch may use"},
    {"did not send all necessary objects", ErrorClass::corrupt},
    {"fsck error", ErrorClass::corrupt,
     "git's own checks refuse what the upstream sent: `git fsck` there names it"},
    {"error in object", ErrorClass::corrupt},
    {"error in tree", ErrorClass::corrupt},
    {"error in blob", ErrorClass::corrupt},
    {"error in commit", ErrorClass::corrupt},
    {"error in tag", ErrorClass::corrupt},
    {"inflate", ErrorClass::corrupt},
    {"pack is corrupted", ErrorClass::corrupt},
    {"sha1 mismatch", ErrorClass::corrupt},
    {"sha1 collision", ErrorClass::corrupt},
    {"pack has", ErrorClass::corrupt},
    {"missing blob", ErrorClass::corrupt},
    {"missing tree", ErrorClass::corrupt},
    {"bad object", ErrorClass::corrupt},
    {"unable to read tree", ErrorClass::corrupt},
    {"early eof", ErrorClass::protocol},
    {"unexpected disconnect", ErrorClass::protocol},
    {"bad line length", ErrorClass::protocol},
    {"protocol error", ErrorClass::protocol},
    {"invalid server response", ErrorClass::protocol},
    {"bad band", ErrorClass::protocol},
    {"not valid: is this a git repository", ErrorClass::protocol},
    {"rpc failed", ErrorClass::protocol},
    {"empty reply from server", ErrorClass::network},
    {"index-pack failed", ErrorClass::corrupt},
    {"invalid index-pack output", ErrorClass::corrupt},
    {"': file exists", ErrorClass::conflict},
    {"permission denied", ErrorClass::config, "check who may read and write there"},
    {"read-only file system", ErrorClass::config},
};

/// What git says at the end of many a failure, when nothing above did.
constexpr Sign kGeneral[] = {
    {"hung up", ErrorClass::protocol},
    {"could not read from remote repository", ErrorClass::protocol},
};

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

struct Line {
  std::string text;
  std::string folded;  ///< in lower case, without what stands in quotes that hold a URL or path
  bool is_of_the_upstream;
};

/// A repository may be called "tls" or "' not found'".
std::string without_places(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t end = text[i] == '\'' ? text.find('\'', i + 1) : std::string::npos;
    if (end != std::string::npos && text.substr(i, end - i).find('/') != std::string::npos) {
      result += "''";
      i = end;
    } else {
      result += text[i];
    }
  }
  return lower(result);
}

/// Progress and the summary of refs explain nothing.
bool is_noise(std::string_view line) {
  constexpr std::array<std::string_view, 11> kNoise{"Enumerating objects",
                                                    "Counting objects",
                                                    "Compressing objects",
                                                    "Receiving objects",
                                                    "Resolving deltas",
                                                    "Total ",
                                                    "From ",
                                                    " ",
                                                    "Unpacking objects",
                                                    "Please make sure",
                                                    "and the repository exists"};
  return line.empty() || std::any_of(kNoise.begin(), kNoise.end(), [&](std::string_view start) {
           return line.starts_with(start);
         });
}

/// The text is the upstream's at times: no control characters, no more than a person reads.
std::string printable(std::string_view line) {
  // Before it is cut: the end of a password could be what tells that it is one.
  std::string result = redact_urls(line);
  result.resize(std::min(result.size(), kLongestMessage));
  std::replace_if(
      result.begin(), result.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  result.erase(result.find_last_not_of(' ') + 1);
  return result;
}

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const bool is_of_the_upstream = line.starts_with("remote: ");
    for (const std::string_view prefix : {"remote: ", "fatal: ", "error: ", "ERROR: "}) {
      if (line.starts_with(prefix)) {
        line.remove_prefix(prefix.size());
      }
    }
    const std::string shown = is_noise(line) ? "" : printable(line);
    if (!shown.empty()) {
      lines.push_back({shown, without_places(shown), is_of_the_upstream});
    }
  }
  return lines;
}

template <std::size_t N>
const Sign* find_sign(const Sign (&signs)[N], const std::vector<Line>& lines, bool of_the_upstream,
                      const Line*& where) {
  for (const Sign& sign : signs) {
    for (const Line& line : lines) {
      if (line.is_of_the_upstream == of_the_upstream &&
          line.folded.find(sign.text) != std::string::npos) {
        where = &line;
        return &sign;
      }
    }
  }
  return nullptr;
}

Error explain_text(std::string_view text) {
  const std::vector<Line> lines = lines_of(text);
  const Line* where = nullptr;
  // What git says of itself counts more than what the upstream may claim.
  const Sign* sign = find_sign(kSigns, lines, false, where);
  if (sign == nullptr) {
    sign = find_sign(kSigns, lines, true, where);
  }
  if (sign == nullptr) {
    sign = find_sign(kGeneral, lines, false, where);
  }
  if (sign == nullptr) {
    return {ErrorClass::protocol, lines.empty() ? "git said nothing" : lines.back().text,
            std::nullopt};
  }
  std::string message = where->text;
  if (!sign->advice.empty()) {
    message += "; " + std::string(sign->advice);
  }
  return {sign->error_class, std::move(message), std::nullopt};
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
      if (result.status == SIGSEGV || result.status == SIGBUS || result.status == SIGABRT) {
        // Nobody but what it reads makes it crash: folders nested without end, for one.
        return {ErrorClass::corrupt,
                "git cannot cope with what the upstream sent, and was ended by signal " +
                    std::to_string(result.status),
                std::nullopt};
      }
      return {ErrorClass::internal, "git was ended by signal " + std::to_string(result.status),
              std::nullopt};
    case ChildResult::End::exited:
      break;
  }
  return explain_text(result.error_text);
}

}  // namespace freshet::remote
