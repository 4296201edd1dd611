#include "app/admin_client.h"

#include "base/secret.h"
#include "http/client.h"

namespace freshet::app {

Result<AdminClient::Answer> AdminClient::get(const std::string& path) const {
  return send("GET", path, std::chrono::seconds(30));
}

Result<AdminClient::Answer> AdminClient::post(const std::string& path, Duration patience,
                                              const std::string& body) const {
  return send("POST", path, patience, body);
}

std::string AdminClient::encode(std::string_view name) {
  return http::percent_encode(name);
}

Result<AdminClient::Answer> AdminClient::send(const std::string& method, const std::string& path,
                                              Duration patience, const std::string& body) const {
  http::ClientOptions options{settings_.listen.text(), {}, patience};
  if (!settings_.token_file.empty()) {
    FRESHET_TRY(options.bearer, read_secret(settings_.token_file));
  }
  FRESHET_TRY(const http::Response response,
              http::request(options, method, "/api/v1" + path, body));
  return Answer{response.status, Json::parse(response.body).value_or(Json())};
}

}  // namespace freshet::app
