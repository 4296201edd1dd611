#pragma once

#include "base/json.h"
#include "base/result.h"
#include "state/ledger_reader.h"
#include "webhook/intake.h"

namespace freshet::app {

/// Runs what a delivery said again, by the configuration of now. The answer says what became of it:
/// {"delivery":NUMBER,"verdict":...,"reason":...,"repositories":[NAME...]}, the repositories being
/// those whose refresh was triggered. Error config: `content` is not what this version keeps;
/// internal: it could not be triggered now.
Result<Json> replay(webhook::Intake& intake, const state::DeliveryRow& delivery,
                    const Json& content);

}  // namespace freshet::app
