#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "http/message.h"
#include "state/ledger_entry.h"
#include "state/ledger_reader.h"
#include "state/repository_state.h"

namespace freshet::admin {

/// One file with a secret that deliveries for a repository may be signed with.
struct SecretUse {
  std::string file;
  std::optional<WallTime> last_use;
  bool operator==(const SecretUse&) const = default;
};

/// What the API shows. Pure; the fields are the contract's.
Json view(const state::RepositoryState& state, const std::vector<SecretUse>& secrets);
Json view(const SecretUse& secret);
Json view(const CheckoutStatus& checkout);
/// Times in seconds, exact to the millisecond.
Json view(const state::RecentTimes& times);
Json view(const state::DeliveryRow& delivery);
/// One that has just come: what it led to, and its number in the ledger, are not known yet.
Json view(const state::DeliveryEntry& delivery);
Json view(const state::DeliveredRefresh& refresh);
Json view(const state::RefreshRow& refresh);
/// What view() makes of each.
template <class T>
Json views(const std::vector<T>& items) {
  Json list = Json::array();
  for (const T& item : items) {
    list.push(view(item));
  }
  return list;
}
/// Of all refreshes that a delivery led to, what a person has to know first; null: it led to none.
Json result_of(const state::DeliveryRow& delivery);

Json time_or_null(const std::optional<WallTime>& time);

http::Response json_response(int status, std::string body);
http::Response json_response(int status, const Json& body);
/// {"error":{"code","message"}}
http::Response error_response(int status, std::string_view code, std::string_view message);
http::Response unknown_repository(const RepositoryName& name);
http::Response unavailable(const Error& error);  ///< 503
/// Of a refresh that failed: with "advice" too.
http::Response error_response(const Error& error);

}  // namespace freshet::admin
