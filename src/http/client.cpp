#include "http/client.h"

#include <httplib.h>

#include <memory>

namespace freshet::http {
namespace {

std::unique_ptr<httplib::Client> make_client(const std::string& address) {
  if (address.starts_with("unix:")) {
    auto client = std::make_unique<httplib::Client>(address.substr(5), 80);
    client->set_address_family(AF_UNIX);
    client->set_default_headers({{"Host", "localhost"}});
    return client;
  }
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  // Listening everywhere includes here.
  if (host == "0.0.0.0" || host == "::" || host.empty()) {
    host = host == "::" ? "::1" : "127.0.0.1";
  }
  return std::make_unique<httplib::Client>(host, std::stoi(address.substr(colon + 1)));
}

httplib::Result send(httplib::Client& client, const std::string& method, const std::string& target,
                     const std::string& body) {
  return method == "POST" ? client.Post(target.c_str(), body, "application/json")
                          : client.Get(target.c_str());
}

}  // namespace

Result<Response> request(const ClientOptions& options, const std::string& method,
                         const std::string& target, const std::string& body) {
  const auto client = make_client(options.address);
  client->set_connection_timeout(std::chrono::seconds(5));
  client->set_read_timeout(options.patience);
  if (!options.bearer.empty()) {
    client->set_bearer_token_auth(std::string(options.bearer.reveal()));
  }
  const httplib::Result result = send(*client, method, target, body);
  if (!result) {
    if (result.error() == httplib::Error::Read) {
      return fail(ErrorClass::timeout, "no answer from " + options.address + " within the time");
    }
    return fail(ErrorClass::network, "no freshet answers at " + options.address);
  }
  Response response;
  response.status = result->status;
  response.body = result->body;
  response.content_type = result->get_header_value("Content-Type");
  return response;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string result;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      result += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      result += '%';
      result += kDigits[byte >> 4U];
      result += kDigits[byte & 15U];
    }
  }
  return result;
}

}  // namespace freshet::http
