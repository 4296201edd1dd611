// docs/openapi.json against the routes that the daemon has.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "admin/api_description.h"
#include "app/daemon.h"
#include "base/json.h"
#include "config/load.h"
#include "support/source_directory.h"

namespace freshet::app {
namespace {

namespace fs = std::filesystem;

/// "GET /path"
using Routes = std::set<std::string>;

void add(Routes& routes, const http::Router& router) {
  for (const http::Route& route : router.routes()) {
    for (const http::Endpoint& endpoint : route.endpoints) {
      routes.insert(endpoint.method + " " + route.pattern);
    }
  }
}

Routes routes_of_the_daemon() {
  std::string name = (fs::temp_directory_path() / "freshet-routes-XXXXXX").string();
  const fs::path directory = mkdtemp(name.data());
  const fs::path file = directory / "freshet.toml";
  std::ofstream(file) << "state_dir = '" << (directory / "state").string()
                      << "'\n[server]\nlisten = 'unix:" << (directory / "public").string()
                      << "'\n[admin]\nlisten = 'unix:" << (directory / "admin").string() << "'\n";
  Routes routes;
  {
    auto loaded = config::load_file(file);
    EXPECT_TRUE(loaded.settings);
    const auto daemon = Daemon::start(*loaded.settings, file).value();
    add(routes, daemon->public_router());
    add(routes, daemon->admin_router());
  }
  fs::remove_all(directory);
  return routes;
}

Routes routes_of_the_description() {
  Routes routes;
  const Json description = Json::parse(admin::api_description()).value();
  for (const auto& [path, item] : description["paths"].members()) {
    for (const auto& [key, operation] : item.members()) {
      if (key == "get" || key == "post") {
        routes.insert((key == "get" ? "GET " : "POST ") + path);
      } else {
        EXPECT_EQ(key, "servers");
      }
    }
  }
  return routes;
}

TEST(ApiDescription, has_every_route_of_the_daemon_and_no_other) {
  EXPECT_EQ(routes_of_the_description(), routes_of_the_daemon());
}

TEST(ApiDescription, is_the_file_in_docs) {
  std::ifstream file(FRESHET_SOURCE_DIR "/docs/openapi.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(admin::api_description(), text);
}

}  // namespace
}  // namespace freshet::app
