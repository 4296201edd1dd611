#pragma once

#include <string_view>

namespace freshet::remote {

/// Whether an IP address is one of this machine or of a network that strangers cannot reach:
/// loopback, private, shared (100.64/10), link-local (where clouds answer with credentials), unique
/// local, unspecified; an IPv4 address inside an IPv6 one counts as what it is. False for what is
/// no address. Pure.
bool is_internal_address(std::string_view ip);

}  // namespace freshet::remote
