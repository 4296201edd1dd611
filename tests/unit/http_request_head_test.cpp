#include "http/request_head.h"

#include <gtest/gtest.h>

#include <string>

#include "http/request_target.h"

namespace freshet::http {
namespace {

constexpr HeadLimits kLimits{100, 3};

tl::expected<Head, Refusal> parse(const std::string& fields) {
  return parse_head("POST /a HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n");
}

TEST(HeadScanner, finds_the_end_wherever_the_bytes_are_cut) {
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string bytes = head + "body";
  for (std::size_t cut = 1; cut < head.size(); ++cut) {
    HeadScanner scanner(kLimits);
    EXPECT_EQ(scanner.scan(bytes.substr(0, cut)).value(), std::nullopt) << cut;
    EXPECT_EQ(scanner.scan(bytes).value(), head.size()) << cut;
  }
}

TEST(HeadScanner, refuses_a_line_that_ends_without_a_carriage_return) {
  HeadScanner scanner(kLimits);
  EXPECT_EQ(scanner.scan("GET / HTTP/1.1\n").error().status, 400);
}

TEST(HeadScanner, refuses_a_head_over_its_bytes_or_fields_and_takes_one_at_the_limit) {
  const std::string line = "GET / HTTP/1.1\r\n";
  EXPECT_EQ(HeadScanner(kLimits).scan(line + "a: " + std::string(100, 'x')).error().status, 431);
  EXPECT_EQ(HeadScanner(kLimits).scan("GET /" + std::string(100, 'x')).error().status, 414);
  EXPECT_EQ(HeadScanner(kLimits).scan(line + "a:b\r\na:b\r\na:b\r\na:b\r\n").error().status, 431);
  EXPECT_TRUE(HeadScanner(kLimits).scan(line + "a:b\r\na:b\r\na:b\r\n\r\n").value());
  EXPECT_TRUE(HeadScanner(kLimits).scan(line + "\r\n" + std::string(1000, 'x')).value());
}

TEST(ParseHead, keeps_values_as_they_came) {
  const auto head = parse("Token:  a%41 b+c\t \r\nEmpty:\r\nToken: second\r\n");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->request.headers.find("token"), "a%41 b+c");
  EXPECT_EQ(head->request.headers.find("EMPTY"), "");
  EXPECT_EQ(head->request.headers.count("Token"), 2U);
}

TEST(ParseHead, says_how_the_body_is_delimited) {
  EXPECT_EQ(parse("Content-Length: 0042\r\n")->content_length, 42U);
  EXPECT_TRUE(parse("Transfer-Encoding: Chunked\r\n")->chunked);
  EXPECT_FALSE(parse("")->chunked);
  EXPECT_EQ(parse("")->content_length, std::nullopt);
}

TEST(ParseHead, keeps_a_connection_unless_anybody_says_otherwise) {
  EXPECT_TRUE(parse("")->keep_alive);
  EXPECT_FALSE(parse("Connection: Upgrade, CLOSE\r\n")->keep_alive);
  EXPECT_FALSE(parse("Connection: close\r\nConnection: keep-alive\r\n")->keep_alive);
  EXPECT_FALSE(parse_head("GET / HTTP/1.0\r\n\r\n")->keep_alive);
  EXPECT_TRUE(parse_head("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")->keep_alive);
}

TEST(ParseHead, takes_head_for_get) {
  const auto head = parse_head("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(head->request.method, "GET");
  EXPECT_TRUE(head->head_only);
}

TEST(ParseTarget, decodes_path_and_query_each_in_its_own_way) {
  Request request;
  ASSERT_TRUE(parse_target("/a+b%2fc%25?x=1+2&&y%3D=%26&z", "", request));
  EXPECT_EQ(request.path, "/a+b/c%");
  EXPECT_EQ(request.query_value("x"), "1 2");
  EXPECT_EQ(request.query_value("y="), "&");
  EXPECT_EQ(request.query_value("z"), "");
  EXPECT_EQ(request.query.size(), 3U);
}

TEST(ParseTarget, refuses_what_is_no_target) {
  for (const std::string target : {"", "a", "/a#b", "/a b", "/%", "/%1", "/%g1", "/?a=%x", "?a",
                                   "http://other/", "ftp://x/", "//\x7f"}) {
    Request request;
    EXPECT_FALSE(parse_target(target, "x", request)) << target;
  }
}

}  // namespace
}  // namespace freshet::http
