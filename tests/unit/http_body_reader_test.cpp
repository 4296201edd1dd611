#include "http/body_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

namespace freshet::http {
namespace {

constexpr std::size_t kMiB = std::size_t{1024} * 1024;
constexpr std::size_t kPiece = std::size_t{64} * 1024;

/// As it comes from the client.
std::string framed(const std::string& body, bool chunked) {
  if (!chunked) {
    return body;
  }
  std::string result;
  for (std::size_t at = 0; at < body.size(); at += kPiece) {
    const std::string piece = body.substr(at, kPiece);
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    result.append(size).append(piece).append("\r\n");
  }
  return result + "0\r\n\r\n";
}

TEST(BodyMemory, the_largest_body_fits_into_a_budget_that_is_no_larger) {
  for (const std::size_t limit : {std::size_t{1024}, 100 * kMiB / 1000, 26 * kMiB}) {
    const std::string body(limit, 'x');
    for (const bool chunked : {false, true}) {
      for (const std::size_t piece : {std::size_t{100}, std::size_t{5000}, 3 * kPiece, limit}) {
        MemoryBudget budget(limit);
        BodyReader reader(budget, limit);
        reader.charge_to("a");
        chunked ? reader.begin_chunked() : reader.begin_length(limit);
        const std::string bytes = framed(body, chunked);
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
          reader.feed(std::string_view(bytes).substr(at, piece));
          ASSERT_LE(budget.used(), std::max(2 * reader.size(), reader.size() + kPiece) + 4096);
        }
        ASSERT_EQ(reader.state(), BodyReader::State::whole)
            << limit << (chunked ? " chunked" : "") << " in pieces of " << piece;
        EXPECT_EQ(reader.take(), body);
        reader.release();
        EXPECT_EQ(budget.used(), 0U);
      }
    }
  }
}

TEST(BodyMemory, what_is_only_announced_takes_none) {
  MemoryBudget budget(256 * kMiB);
  BodyReader reader(budget, 26 * kMiB);
  reader.begin_length(26 * kMiB);
  EXPECT_EQ(budget.used(), 0U);
  reader.feed("x");
  EXPECT_LE(budget.used(), 4096U);
  reader.feed(std::string(10 * kMiB, 'x'));
  EXPECT_LE(budget.used(), 10 * kMiB + kPiece + 1);
}

}  // namespace
}  // namespace freshet::http
