#include "base/hmac.h"
#include "model/outcome.h"
#include "model/trigger.h"

namespace freshet {

std::string refresh_id(RefreshNumber number) {
  static const std::string kRun = random_hex(3);
  return kRun + "-" + std::to_string(number);
}

std::string_view to_string(Cause cause) {
  switch (cause) {
    case Cause::poll:
      return "poll";
    case Cause::retry:
      return "retry";
    case Cause::start:
      return "start";
    case Cause::delivery:
      return "delivery";
    case Cause::manual:
      break;
  }
  return "manual";
}

std::string_view to_string(CheckoutState state) {
  switch (state) {
    case CheckoutState::pending:
      return "pending";
    case CheckoutState::ok:
      return "ok";
    case CheckoutState::failing:
      break;
  }
  return "failing";
}

std::string_view to_string(RefreshResult result) {
  switch (result) {
    case RefreshResult::unchanged:
      return "unchanged";
    case RefreshResult::updated:
      return "updated";
    case RefreshResult::failed:
      break;
  }
  return "failed";
}

}  // namespace freshet
