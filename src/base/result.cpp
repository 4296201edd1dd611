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
      {"auth", false, 502, 1},
      {"not_found", false, 502, 1},
      {"network", true, 502, 1},
      {"timeout", true, 502, 1},
      {"rate_limited", true, 502, 1},
      {"protocol", true, 502, 1},
      {"corrupt", true, 502, 1},
      {"no_space", true, 502, 1},
      {"config", false, 502, 2},
      {"conflict", true, 502, 1},
      {"internal", true, 502, 1},
  }};
  return kTraits.at(static_cast<std::size_t>(error_class));
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
