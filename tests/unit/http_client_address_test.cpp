#include "http/client_address.h"

#include <gtest/gtest.h>

namespace freshet::http {
namespace {

TEST(AddressRanges, contain_what_shares_the_prefix) {
  const AddressRanges ranges({"10.0.0.0/8", "192.0.2.7", "198.51.100.128/25", "fd00::/8",
                              "2001:db8:1:2::/63", "::1", "203.0.113.0/31"});
  for (const std::string inside :
       {"10.0.0.0", "10.255.255.255", "192.0.2.7", "198.51.100.128", "198.51.100.255", "fd12::1",
        "2001:db8:1:3:ffff::", "::1", "::ffff:10.1.2.3", "203.0.113.1"}) {
    EXPECT_TRUE(ranges.contains(inside)) << inside;
  }
  for (const std::string outside :
       {"11.0.0.0", "9.255.255.255", "192.0.2.8", "198.51.100.127", "fe00::1", "2001:db8:1:4::",
        "::2", "::ffff:11.1.2.3", "203.0.113.2", "", "10.0.0", "10.0.0.1 ", "localhost", "a00::"}) {
    EXPECT_FALSE(ranges.contains(outside)) << outside;
  }
}

TEST(AddressRanges, of_everything_are_of_one_family) {
  EXPECT_TRUE(AddressRanges({"0.0.0.0/0"}).contains("192.0.2.1"));
  EXPECT_FALSE(AddressRanges({"0.0.0.0/0"}).contains("::1"));
  EXPECT_TRUE(AddressRanges({"::/0"}).contains("2001:db8::1"));
  EXPECT_FALSE(AddressRanges({"::/0"}).contains("192.0.2.1"));
}

TEST(AddressRanges, take_an_ipv4_range_that_is_written_as_ipv6) {
  EXPECT_TRUE(AddressRanges({"::ffff:10.0.0.0/104"}).contains("10.1.2.3"));
  EXPECT_TRUE(AddressRanges({"::ffff:10.0.0.1"}).contains("10.0.0.1"));
  EXPECT_FALSE(AddressRanges({"::ffff:10.0.0.0/104"}).contains("11.1.2.3"));
  EXPECT_TRUE(AddressRanges({"::ffff:10.0.0.0/80"}).contains("::1"));
}

TEST(ClientNetwork, is_an_ipv4_address_or_an_ipv6_64) {
  EXPECT_EQ(client_network("192.0.2.1"), client_network("::ffff:192.0.2.1"));
  EXPECT_NE(client_network("192.0.2.1"), client_network("192.0.2.2"));
  EXPECT_EQ(client_network("2001:db8:1:2::1"), client_network("2001:db8:1:2:ffff::9"));
  EXPECT_NE(client_network("2001:db8:1:2::1"), client_network("2001:db8:1:3::1"));
  EXPECT_EQ(client_network(""), "");
}

std::string client(const std::string& peer, const std::vector<std::string>& forwarded_for) {
  static const AddressRanges kTrusted({"10.0.0.0/8", "fd00::/8"});
  Headers headers;
  headers.add("Host", "x");
  for (const std::string& field : forwarded_for) {
    headers.add("x-forwarded-FOR", field);
  }
  return client_address(peer, headers, kTrusted);
}

TEST(ClientAddress, is_the_peer_whatever_a_stranger_claims) {
  EXPECT_EQ(client("192.0.2.1", {}), "192.0.2.1");
  EXPECT_EQ(client("192.0.2.1", {"198.51.100.9"}), "192.0.2.1");
  EXPECT_EQ(client("2001:db8::1", {"10.0.0.1"}), "2001:db8::1");
}

TEST(ClientAddress, is_who_the_trusted_proxies_speak_for) {
  EXPECT_EQ(client("10.0.0.1", {"192.0.2.1"}), "192.0.2.1");
  EXPECT_EQ(client("10.0.0.1", {"192.0.2.1, 10.0.0.2"}), "192.0.2.1");
  EXPECT_EQ(client("fd00::1", {"2001:DB8::1,10.0.0.2"}), "2001:db8::1");
  EXPECT_EQ(client("10.0.0.1", {"::ffff:192.0.2.1"}), "192.0.2.1");
}

TEST(ClientAddress, is_not_what_stands_left_of_the_first_stranger) {
  EXPECT_EQ(client("10.0.0.1", {"198.51.100.9, 192.0.2.1"}), "192.0.2.1");
  EXPECT_EQ(client("10.0.0.1", {"10.0.0.3, 192.0.2.1, 10.0.0.2"}), "192.0.2.1");
  EXPECT_EQ(client("10.0.0.1", {"198.51.100.9", "192.0.2.1"}), "192.0.2.1");
  EXPECT_EQ(client("10.0.0.1", {"192.0.2.1", "10.0.0.2"}), "192.0.2.1");
}

TEST(ClientAddress, stays_at_the_last_trusted_hop_where_nothing_can_be_read) {
  EXPECT_EQ(client("10.0.0.1", {}), "10.0.0.1");
  EXPECT_EQ(client("10.0.0.1", {"10.0.0.2"}), "10.0.0.2");
  for (const std::string nonsense :
       {"", ",", "unknown", "_hidden", "192.0.2.1.5", "192.0.2", "[2001:db8::1",
        "192.0.2.1:", "192.0.2.1:x", "[2001:db8::1]x", "[2001:db8::1]:", "192.0.2.1:123456",
        "192.0.2.1 192.0.2.2", "\"192.0.2.1\""}) {
    EXPECT_EQ(client("10.0.0.1", {"192.0.2.9," + nonsense}), "10.0.0.1") << nonsense;
    EXPECT_EQ(client("10.0.0.1", {"192.0.2.9," + nonsense + ", 10.0.0.2"}), "10.0.0.2") << nonsense;
  }
}

TEST(ClientAddress, is_understood_with_ports_and_brackets) {
  EXPECT_EQ(client("10.0.0.1", {"192.0.2.1:55"}), "192.0.2.1");
  EXPECT_EQ(client("10.0.0.1", {"[2001:db8::1]:1234"}), "2001:db8::1");
  EXPECT_EQ(client("10.0.0.1", {"[2001:db8::1]"}), "2001:db8::1");
  EXPECT_EQ(client("10.0.0.1", {"192.0.2.1:55, 10.0.0.7:80, [fd00::5]:1"}), "192.0.2.1");
}

TEST(ClientAddress, of_a_unix_peer_is_who_it_names_or_not_known) {
  EXPECT_EQ(client("", {"192.0.2.1"}), "192.0.2.1");
  EXPECT_EQ(client("", {"198.51.100.9, 192.0.2.1, 10.0.0.2"}), "192.0.2.1");
  EXPECT_EQ(client("", {}), "");
  EXPECT_EQ(client("", {"unknown"}), "");
}

}  // namespace
}  // namespace freshet::http
