#include "remote/internal_address.h"

#include <gtest/gtest.h>

namespace freshet::remote {
namespace {

TEST(InternalAddress, IsOneThatStrangersCannotReach) {
  for (const char* ip : {"127.0.0.1",
                         "127.255.255.255",
                         "0.0.0.0",
                         "10.0.0.1",
                         "172.16.0.1",
                         "172.31.255.255",
                         "192.168.1.1",
                         "169.254.169.254",
                         "100.64.0.1",
                         "100.127.255.255",
                         "::",
                         "::1",
                         "fe80::1",
                         "fe80::1%eth0",
                         "febf::1",
                         "fc00::1",
                         "fd12:3456::1",
                         "::ffff:127.0.0.1",
                         "::ffff:192.168.0.1",
                         "::ffff:a9fe:a9fe",
                         "64:ff9b::10.0.0.1",
                         "::127.0.0.1"}) {
    EXPECT_TRUE(is_internal_address(ip)) << ip;
  }
}

TEST(InternalAddress, IsNoneOfTheInternetAndNothingElse) {
  for (const char* ip : {"1.1.1.1",
                         "9.255.255.255",
                         "11.0.0.0",
                         "100.63.255.255",
                         "100.128.0.0",
                         "126.255.255.255",
                         "128.0.0.1",
                         "169.253.0.1",
                         "172.15.255.255",
                         "172.32.0.0",
                         "192.167.0.1",
                         "192.169.0.1",
                         "203.0.113.7",
                         "2001:db8::1",
                         "2606:4700::1111",
                         "fec0::1",
                         "::ffff:1.1.1.1",
                         "64:ff9b::1.1.1.1",
                         "",
                         "localhost",
                         "127.1",
                         "0x7f000001",
                         "::ffff:127.0.0.1x"}) {
    EXPECT_FALSE(is_internal_address(ip)) << ip;
  }
}

}  // namespace
}  // namespace freshet::remote
