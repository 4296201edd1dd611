// Request targets: path and query as they are read, written percent-encoded, mean the same again.
// The first line of the input is the Host.

#include "fuzzing.h"
#include "http/client.h"
#include "http/request_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet;
  using namespace freshet::fuzz;
  Input input(data, size);
  const std::string_view host = input.line();
  const std::string_view target = input.rest();
  http::Request request;
  if (!http::parse_target(target, host, request) || request.path == "*") {
    return 0;
  }
  require(target.size() >= request.path.size() || request.path == "/",
          "decoding makes nothing longer");
  if (!target.starts_with('/')) {
    require(target.substr(0, 4) != "ftp:", "the absolute form is http");
    require(target.find(host) != std::string_view::npos || !host.empty(),
            "the absolute form names the host");
  }
  std::string again;
  for (const char c : request.path) {
    again += c == '/' ? "/" : http::percent_encode(std::string_view(&c, 1));
  }
  for (std::size_t i = 0; i < request.query.size(); ++i) {
    const auto& [key, value] = request.query[i];
    again += (i == 0 ? "?" : "&") + http::percent_encode(key) + "=" + http::percent_encode(value);
  }
  if (again.starts_with('/')) {
    http::Request read_again;
    require(http::parse_target(again, host, read_again), "what was written can be read");
    require(read_again.path == request.path && read_again.query == request.query,
            "and means the same");
  }
  return 0;
}
