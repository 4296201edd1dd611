// Whose request it is behind trusted proxies, and the ranges of addresses that say who is trusted.
// Each line of the input is an X-Forwarded-For; the first one is the peer, the second a list of
// ranges.

#include "fuzzing.h"
#include "http/client_address.h"

namespace freshet::fuzz {
namespace {

using http::AddressRanges;
using http::IpAddress;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

void check_address(std::string_view text) {
  const auto address = IpAddress::parse(text);
  require(http::client_network(text).empty() == !address,
          "a client's network is that of an address");
  if (!address) {
    return;
  }
  const auto again = IpAddress::parse(address->text());
  require(again && again->bytes == address->bytes && again->v4 == address->v4,
          "an address written down is that address");
  require(AddressRanges({address->text()}).contains(*address), "a single address contains itself");
  require(AddressRanges({std::string(address->v4 ? "0.0.0.0/0" : "::/0")}).contains(*address),
          "everything contains it");
  const unsigned bits = address->v4 ? 32 : 128;
  for (unsigned prefix = 0; prefix <= bits; prefix += 7) {
    const std::string range = address->text() + "/" + std::to_string(prefix);
    require(AddressRanges({range}).contains(*address), "a range contains what it was made of");
  }
}

}  // namespace
}  // namespace freshet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet;
  using namespace freshet::fuzz;
  Input input(data, size);
  const std::string_view peer_text = input.line();
  const std::vector<std::string> ranges = split(input.line(), ',');
  const http::AddressRanges trusted(ranges);
  check_address(peer_text);
  for (const std::string& range : ranges) {
    check_address(range);
  }

  // The peer is an address, or empty: it comes from the kernel.
  const auto parsed = http::IpAddress::parse(peer_text);
  const std::string peer = parsed ? parsed->text() : "";
  http::Headers headers;
  std::string all;
  while (!input.empty()) {
    const std::string_view line = input.line();
    headers.add("X-Forwarded-For", std::string(line));
    all += all.empty() ? "" : ",";
    all += line;
  }
  const std::string client = http::client_address(peer, headers, trusted);
  require(client.empty() || http::IpAddress::parse(client), "a client is an address");
  if (!peer.empty() && !trusted.contains(peer)) {
    require(client == peer, "only who is trusted speaks for others");
  }
  require(!peer.empty() || headers.all().empty() || client.empty() ||
              all.find_first_of("0123456789abcdefABCDEF:") != std::string::npos,
          "a client was named by somebody");
  http::Headers one;
  one.add("x-forwarded-for", all);
  require(headers.all().empty() || http::client_address(peer, one, trusted) == client,
          "several fields are one list");
  // What stands left of the first stranger changes nothing.
  if (!client.empty() && !trusted.contains(client) && !headers.all().empty()) {
    http::Headers longer;
    longer.add("X-Forwarded-For", "198.51.100.77, " + all);
    require(http::client_address(peer, longer, trusted) == client, "nobody can forge who they are");
  }
  return 0;
}
