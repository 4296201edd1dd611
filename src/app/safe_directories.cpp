#include "app/safe_directories.h"

#include "checkout/slot_directory.h"

namespace freshet::app {

std::vector<std::string> safe_directories(const config::Settings& settings) {
  std::vector<std::string> directories;
  for (const config::Repository& repository : settings.repositories) {
    for (const config::Checkout& checkout : repository.checkouts) {
      if (checkout.git) {
        directories.push_back(checkout.mode == config::CheckoutMode::in_place
                                  ? checkout.path
                                  : checkout::Layout(checkout.path).directory + "/*");
      }
    }
  }
  return directories;
}

}  // namespace freshet::app
