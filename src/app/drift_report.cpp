#include "app/drift_report.h"

#include "app/specs.h"
#include "checkout/drift.h"
#include "checkout/in_place.h"
#include "checkout/slot_directory.h"

namespace freshet::app {

std::vector<DriftReport> look_for_drift(const config::Settings& settings) {
  std::vector<DriftReport> reports;
  const CancelToken cancel;
  for (const auto& spec : repository_specs(settings)) {
    for (const checkout::CheckoutSpec& checkout : spec->checkouts) {
      if (const auto current = checkout::read_current(checkout.path)) {
        reports.push_back({spec->name, checkout.path,
                           checkout::find_drift(checkout, spec->mirror, current->commit,
                                                checkout::DriftCheck::full, cancel)});
      } else if (checkout::is_half_way(checkout)) {
        reports.push_back({spec->name, checkout.path,
                           fail(ErrorClass::conflict,
                                "an update was interrupted and is completed by `freshet refresh " +
                                    spec->name.text() + "`, or by `freshet sync " +
                                    spec->name.text() + "` where no daemon runs")});
      }
    }
  }
  return reports;
}

}  // namespace freshet::app
