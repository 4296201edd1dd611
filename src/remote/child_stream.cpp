#include "remote/child_stream.h"

#include "remote/git_errors.h"

namespace freshet::remote {
namespace {

/// Between the last word and the end of a child that has nothing more to do.
constexpr std::chrono::seconds kLeave{2};
/// What ssh ends with when it was not the remote command that failed.
constexpr int kSshFailed = 255;

}  // namespace

Result<std::unique_ptr<Duplex>> ChildStream::start(const PipedChild::Spec& spec) {
  FRESHET_TRY(PipedChild child, PipedChild::start(spec));
  return std::unique_ptr<Duplex>(new ChildStream(std::move(child)));
}

ChildStream::~ChildStream() {
  if (parted_) {
    static_cast<void>(child_.finish(kLeave));
  }
}

std::optional<Error> ChildStream::explain_end() {
  parted_ = false;
  const ChildResult result = child_.finish(kLeave);
  const bool says_something = result.error_text.find_first_not_of("\r\n ") != std::string::npos;
  const bool failed_itself = result.end == ChildResult::End::exited && result.status == kSshFailed;
  if (!says_something && !failed_itself) {
    return std::nullopt;
  }
  ChildResult said;
  said.error_text = result.error_text;
  Error error = explain_git_failure(said);
  if (error.error_class == ErrorClass::protocol) {
    // Nothing of it tells what happened, and some of it may be a greeting.
    error.message = "the upstream ended the connection" +
                    (says_something ? "; the last words: " + error.message : std::string());
    error.error_class = failed_itself ? ErrorClass::network : ErrorClass::protocol;
  }
  return error;
}

}  // namespace freshet::remote
