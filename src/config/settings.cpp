#include "config/settings.h"

namespace freshet::config {

std::string_view to_string(CheckoutMode mode) {
  return mode == CheckoutMode::atomic ? "atomic" : "in_place";
}

}  // namespace freshet::config
