#include "base/result.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <system_error>

namespace freshet {

const ErrorTraits& traits(ErrorClass error_class) {
  // In the order of the enumeration. Exit statuses: 1 a refresh failed, 2 usage or configuration,
  // 4 timed out.
  static constexpr std::array<ErrorTraits, 11> kTraits{{
      {"auth", false, 502, 1,
       "The upstream refused the credentials, or wants some: check the [[credential]] "
       "whose match is the start of this URL, and that its token or key is still valid. "
       "Files are read again at each try."},
      {"not_found", false, 502, 1,
       "The upstream has no such repository or ref, or hides it from these credentials: "
       "check url and ref for typing errors, and that the credentials may read it."},
      {"network", true, 502, 1,
       "The upstream could not be reached: check its name, the network, a proxy or "
       "firewall, and its certificate. It is tried again by itself."},
      {"timeout", true, 502, 1,
       "The upstream was too slow, or went silent. It is tried again by itself; for a "
       "large repository raise timeout, first_timeout or stall_timeout."},
      {"rate_limited", true, 502, 1,
       "The upstream asks to wait, and it is tried again when it allows. Webhooks "
       "instead of a short interval, or a token of one's own, avoid this."},
      {"protocol", true, 502, 1,
       "The upstream answered something that is not git's protocol: check that url is "
       "that of a git repository and not of a web page or a sign-in form. It is tried "
       "again by itself."},
      {"corrupt", true, 502, 1,
       "What was fetched, or what is kept on disk, is damaged or must not be written. "
       "Check disk and memory if it stays; a mirror can be removed while freshet is "
       "stopped and is then fetched anew."},
      {"no_space", true, 502, 1,
       "The disk is full, or fuller than min_free_disk allows: make room. It is tried "
       "again by itself."},
      {"config", false, 502, 2,
       "Only a person can mend this: change the configuration or the permissions that "
       "the message names."},
      {"conflict", true, 502, 1,
       "Something stands where freshet's own would be, a gate refused the tree, or "
       "another program is in the way: the message says which."},
      {"internal", true, 502, 1,
       "This is a mistake in freshet: please report it with the message and the log "
       "lines around it."},
  }};
  return kTraits.at(static_cast<std::size_t>(error_class));
}

std::optional<ErrorClass> parse_error_class(std::string_view name) {
  constexpr int kLast = static_cast<int>(ErrorClass::internal);
  for (int i = 0; i <= kLast; ++i) {
    if (const auto error_class = static_cast<ErrorClass>(i); to_string(error_class) == name) {
      return error_class;
    }
  }
  return std::nullopt;
}

Error system_error(int error_number, std::string_view what) {
  ErrorClass error_class = ErrorClass::internal;
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      error_class = ErrorClass::no_space;
      break;
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOTDIR:
    case EISDIR:
    case EEXIST:
    case ENOENT:
    case ELOOP:
    case ENAMETOOLONG:
      error_class = ErrorClass::config;
      break;
    case EIO:
      error_class = ErrorClass::corrupt;
      break;
    case ETIMEDOUT:
      error_class = ErrorClass::timeout;
      break;
    default:
      break;
  }
  std::string message(what);
  message += ": ";
  message += std::generic_category().message(error_number);
  return Error{error_class, std::move(message), std::nullopt};
}

}  // namespace freshet
