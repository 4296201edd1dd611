#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace freshet {

/// What went wrong, as far as anybody has to decide on it. The class alone decides whether a
/// refresh is tried again, which HTTP status and exit status it becomes and how the metric is
/// labelled.
enum class ErrorClass {
  auth,          ///< the upstream or a caller refused the credentials, or has none
  not_found,     ///< the upstream, ref or commit does not exist
  network,       ///< name lookup, connection or TLS failed
  timeout,       ///< a limit in time was reached
  rate_limited,  ///< the upstream asks to wait
  protocol,      ///< the upstream answered something that its protocol does not allow
  corrupt,       ///< objects or files are damaged or must not be written
  no_space,      ///< the file system is full, or fuller than min_free_disk allows
  config,        ///< only a person can mend it: configuration, permissions
  conflict,      ///< something else is where freshet's own would be, or the operation was cancelled
  internal,      ///< a mistake in freshet
};

struct Error {
  ErrorClass error_class = ErrorClass::internal;
  std::string
      message;  ///< one sentence for a person, saying what to do where that is known; no secret
  std::optional<std::chrono::seconds> retry_after = {};  ///< as asked for by the upstream
  std::string advice = {};  ///< where more is known than the class tells; see advice_for()
};

/// The one table of what follows from an error class.
struct ErrorTraits {
  std::string_view name;
  bool retry_soon;          ///< false: trying again quickly cannot help, start at a long backoff
  int http_status;          ///< on the admin listener
  int exit_status;          ///< of the command line
  std::string_view advice;  ///< a sentence for the operator: what it means, and what to do
};

const ErrorTraits& traits(ErrorClass error_class);
inline std::string_view to_string(ErrorClass error_class) {
  return traits(error_class).name;
}

/// What to do about it: its own advice, else that of its class. A view into the error.
inline std::string_view advice_for(const Error& error) {
  return error.advice.empty() ? traits(error.error_class).advice : error.advice;
}

/// By its name; nullopt: there is none of that name.
std::optional<ErrorClass> parse_error_class(std::string_view name);

template <class T = void>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorClass error_class, std::string message) {
  return tl::unexpected<Error>(Error{error_class, std::move(message), std::nullopt});
}
inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

/// Translates an errno value; `what` says what was being done, e.g. "cannot open /srv/docs".
Error system_error(int error_number, std::string_view what);

}  // namespace freshet

/// Leaves the function with the error of `expression`, if it has one.
#define FRESHET_CHECK(expression)                                \
  do {                                                           \
    if (auto freshet_result = (expression); !freshet_result) {   \
      return ::freshet::fail(std::move(freshet_result).error()); \
    }                                                            \
  } while (false)

#define FRESHET_JOIN_(a, b) a##b
#define FRESHET_JOIN(a, b) FRESHET_JOIN_(a, b)
#define FRESHET_TRY_(result, declaration, expression)  \
  auto result = (expression);                          \
  if (!(result)) {                                     \
    return ::freshet::fail(std::move(result).error()); \
  }                                                    \
  declaration = std::move(*(result))

/// `FRESHET_TRY(auto refs, upstream.list_refs());` declares refs, or leaves with the error.
#define FRESHET_TRY(declaration, expression) \
  FRESHET_TRY_(FRESHET_JOIN(freshet_result_, __LINE__), declaration, expression)
