#include "app/admin_client.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/secret.h"
#include "http/client.h"

namespace freshet::app {
namespace {

std::string name_or_number(const char* name, unsigned number) {
  return name == nullptr ? std::to_string(number) : name;
}

/// Why this user gets no further than the socket; nullopt: it is not the permissions.
std::optional<Error> refused_by(const std::string& socket) {
  if (::access(socket.c_str(), W_OK) == 0 || errno != EACCES) {
    return std::nullopt;
  }
  struct stat status {};
  if (::stat(socket.c_str(), &status) != 0) {
    return Error{ErrorClass::config,
                 "this user may not look into the directory of " + socket +
                     "; ask as root or as the user that freshet runs as",
                 {}};
  }
  // Nobody else of a command asks, so that nobody else writes where these answers are.
  const passwd* user = ::getpwuid(status.st_uid);  // NOLINT(concurrency-mt-unsafe)
  const std::string owner =
      name_or_number(user == nullptr ? nullptr : user->pw_name, status.st_uid);
  const group* members = ::getgrgid(status.st_gid);  // NOLINT(concurrency-mt-unsafe)
  const std::string group =
      name_or_number(members == nullptr ? nullptr : members->gr_name, status.st_gid);
  return Error{
      ErrorClass::config,
      fmt::format("this user may not ask at {}: it is for the user {} and the group {} (mode "
                  "{:04o}); join the group with `usermod -aG {} NAME` and log in anew, or "
                  "ask as root",
                  socket, owner, group, status.st_mode & 07777U, group),
      {}};
}

}  // namespace

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
  const auto response = http::request(options, method, "/api/v1" + path, body);
  if (response) {
    return Answer{response->status, Json::parse(response->body).value_or(Json())};
  }
  if (settings_.listen.is_unix()) {
    if (auto refused = refused_by(settings_.listen.socket_path)) {
      return fail(std::move(*refused));
    }
  }
  return fail(response.error());
}

}  // namespace freshet::app
