#pragma once

#include <string>
#include <string_view>

#include "http/cidr.h"
#include "http/message.h"

namespace freshet::http {

/// Who a request is from: the peer, or who the trusted proxies in front say it is. Their
/// X-Forwarded-For (all fields of that name, as one list) is read from the right, and every trusted
/// proxy in it is passed over; what stands left of the first stranger was written by the stranger.
/// A missing or malformed entry leaves it at the last trusted hop. Entries may carry a port or
/// brackets.
///
/// `peer`: an IP address, or empty for a unix socket, which only processes of this machine can
/// connect to and which counts as a trusted proxy. Returns an IP address; empty: not known.
std::string client_address(std::string_view peer, const Headers& headers,
                           const AddressRanges& trusted_proxies);

}  // namespace freshet::http
