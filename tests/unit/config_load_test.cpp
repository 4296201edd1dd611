#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "base/files.h"
#include "config/describe.h"
#include "support/source_directory.h"

namespace freshet::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> texts(const Loaded& loaded) {
  std::vector<std::string> result;
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    result.push_back(to_text(diagnostic));
  }
  return result;
}

/// The settings of a text without any fault.
Settings load_clean(std::string_view text) {
  const Loaded loaded = load_text(text, "f");
  EXPECT_THAT(texts(loaded), IsEmpty());
  return loaded.settings.value_or(Settings{});
}

// Every key of every table; repeated keys stand in the order of the manual.
constexpr std::string_view kEveryKey = R"(state_dir = "/var/lib/other"
watch_config = true
[server]
listen = "unix:/run/freshet/public.sock"
tls_cert = "/etc/freshet/cert.pem"
tls_key = "credential:tls"
max_body = "30MiB"
trusted_proxies = ["10.0.0.0/8", "fd00::/8"]
allow = ["192.0.2.7"]
rate_limit = "20/s"
connections_per_address = 7
body_memory = "300MiB"
[admin]
listen = "0.0.0.0:9000"
token_file = "/etc/freshet/admin.token"
hosts = ["git.example.org"]
socket_mode = "0600"
[webhook]
secret_files = ["/etc/freshet/a", "credential:b"]
[log]
format = "json"
level = "debug"
[limits]
refreshes = 2
per_host = 1
min_free_disk = "2GiB"
fetch_size = "5GiB"
[defaults]
interval = "5m"
[[credential]]
match = "https://github.com/acme/*"
token_file = "/etc/freshet/token"
[[credential]]
match = "https://git.example.org/*"
username = "u"
password_file = "/etc/freshet/password"
ca_file = "/etc/freshet/ca.pem"
[[credential]]
match = "ssh://git.example.org/*"
ssh_key_file = "/etc/freshet/key"
known_hosts_file = "/etc/freshet/known_hosts"
[[credential]]
match = "https://github.com/*"
github_app = { app_id = 1, private_key_file = "/k", installation_id = 2, api_url = "https://ghe.example/api" }
[[repository]]
name = "docs"
url = "https://github.com/acme/docs.git"
path = "/srv/docs"
interval = "off"
webhook_interval = "20m"
refs = ["refs/heads/main", "refs/tags/*"]
depth = 3
match = ["git.example.org/docs"]
timeout = "1m"
first_timeout = "2h"
stall_timeout = "3s"
webhook_secret_files = ["/etc/freshet/docs.secret"]
mirror = true
ref = "main"
mode = "in_place"
keep_old = "0s"
git = false
group = "www-data"
[[repository.checkout]]
path = "/srv/docs-stable/"
ref = "refs/tags/v1"
mode = "atomic"
keep_old = "2m"
git = true
group = ""
[[repository.gate]]
run = ["/usr/local/bin/validate", "--strict"]
timeout = "61s"
[[repository.on_update]]
run = ["systemctl", "reload", "nginx"]
timeout = "62s"
paths = ["conf/**"]
refs = ["refs/heads/main"]
[[repository.on_update]]
post = "https://ci.example/hook"
secret_file = "/etc/freshet/ci.secret"
)";

TEST(AnEmptyFile, HasTheDefaultsOfTheManual) {
  const Settings settings = load_clean("");
  EXPECT_EQ(settings.state_dir, "/var/lib/freshet");
  EXPECT_FALSE(settings.watch_config);
  EXPECT_EQ(settings.server.listen.text(), "127.0.0.1:8480");
  EXPECT_EQ(settings.server.tls_cert, "");
  EXPECT_EQ(settings.server.max_body, 26U << 20U);
  EXPECT_EQ(settings.server.rate_limit, (Rate{1000, 1min}));
  EXPECT_EQ(settings.server.connections_per_address, 64U);
  EXPECT_EQ(settings.server.body_memory, 256U << 20U);
  EXPECT_EQ(settings.admin.listen.text(), "127.0.0.1:8481");
  EXPECT_EQ(settings.admin.socket_mode, 0660U);
  EXPECT_THAT(settings.webhook.secret_files, IsEmpty());
  EXPECT_EQ(settings.log.format, log::Format::text);
  EXPECT_EQ(settings.log.level, log::Level::info);
  EXPECT_EQ(settings.limits.refreshes, 8U);
  EXPECT_EQ(settings.limits.per_host, 4U);
  EXPECT_EQ(settings.limits.min_free_disk, 1U << 30U);
  EXPECT_EQ(settings.limits.fetch_size, 0U);
  EXPECT_THAT(settings.repositories, IsEmpty());
  EXPECT_EQ(default_settings().server.max_body, settings.server.max_body);
}

TEST(ARepository, NeedsOnlyUrlAndPath) {
  const Settings settings = load_clean(R"([[repository]]
url = "https://GitHub.com/acme/docs.git"
path = "/srv//docs/"
)");
  ASSERT_EQ(settings.repositories.size(), 1U);
  const Repository& repository = settings.repositories[0];
  EXPECT_EQ(repository.name.text(), "github.com/acme/docs");
  EXPECT_EQ(repository.url.host(), "github.com");
  EXPECT_EQ(repository.interval, Duration(60s));
  EXPECT_EQ(repository.webhook_interval, Duration(15min));
  EXPECT_EQ(repository.timeout, Duration(10min));
  EXPECT_EQ(repository.first_timeout, Duration(6h));
  EXPECT_EQ(repository.stall_timeout, Duration(30s));
  EXPECT_EQ(repository.depth, 0U);
  EXPECT_FALSE(repository.mirror);
  EXPECT_THAT(repository.refs, IsEmpty());
  ASSERT_EQ(repository.checkouts.size(), 1U);
  const Checkout& checkout = repository.checkouts[0];
  EXPECT_EQ(checkout.path, "/srv/docs");
  EXPECT_EQ(checkout.ref, "HEAD");
  EXPECT_EQ(checkout.mode, CheckoutMode::atomic);
  EXPECT_EQ(checkout.keep_old, Duration(60s));
  EXPECT_TRUE(checkout.git);
  EXPECT_EQ(checkout.group, "");
}

TEST(AMirror, NeedsNoCheckoutAndFollowsHeadsAndTags) {
  const Settings settings = load_clean(R"(
repository = [{ url = "/srv/git/docs.git", mirror = true },
              { url = "git@example.org:a/b", mirror = true, refs = ["refs/pull/*"] }]
)");
  ASSERT_EQ(settings.repositories.size(), 2U);
  EXPECT_EQ(settings.repositories[0].name.text(), "local/srv/git/docs");
  EXPECT_THAT(settings.repositories[0].refs, ElementsAre("refs/heads/*", "refs/tags/*"));
  EXPECT_THAT(settings.repositories[0].checkouts, IsEmpty());
  EXPECT_EQ(settings.repositories[1].name.text(), "example.org/a/b");
  EXPECT_THAT(settings.repositories[1].refs, ElementsAre("refs/pull/*"));
}

TEST(EveryKeyOfTheManual, IsReadIntoItsPlace) {
  const Loaded loaded = load_text(kEveryKey, "f");
  ASSERT_TRUE(loaded.settings) << testing::PrintToString(texts(loaded));
  const Settings& settings = *loaded.settings;
  EXPECT_EQ(settings.state_dir, "/var/lib/other");
  EXPECT_TRUE(settings.watch_config);
  EXPECT_EQ(settings.server.listen.socket_path, "/run/freshet/public.sock");
  EXPECT_EQ(settings.server.tls_cert, "/etc/freshet/cert.pem");
  EXPECT_EQ(settings.server.tls_key, "credential:tls");
  EXPECT_EQ(settings.server.max_body, 30U << 20U);
  EXPECT_THAT(settings.server.trusted_proxies, ElementsAre("10.0.0.0/8", "fd00::/8"));
  EXPECT_THAT(settings.server.allow, ElementsAre("192.0.2.7"));
  EXPECT_EQ(settings.server.rate_limit, (Rate{20, 1s}));
  EXPECT_EQ(settings.server.connections_per_address, 7U);
  EXPECT_EQ(settings.server.body_memory, 300U << 20U);
  EXPECT_EQ(settings.admin.listen.text(), "0.0.0.0:9000");
  EXPECT_EQ(settings.admin.token_file, "/etc/freshet/admin.token");
  EXPECT_THAT(settings.admin.hosts, ElementsAre("git.example.org"));
  EXPECT_EQ(settings.admin.socket_mode, 0600U);
  EXPECT_THAT(settings.webhook.secret_files, ElementsAre("/etc/freshet/a", "credential:b"));
  EXPECT_EQ(settings.log.format, log::Format::json);
  EXPECT_EQ(settings.log.level, log::Level::debug);
  EXPECT_EQ(settings.limits.refreshes, 2U);
  EXPECT_EQ(settings.limits.per_host, 1U);
  EXPECT_EQ(settings.limits.min_free_disk, 2ULL << 30U);
  EXPECT_EQ(settings.limits.fetch_size, 5ULL << 30U);
  ASSERT_EQ(settings.credentials.size(), 4U);
  EXPECT_EQ(settings.credentials[0].match, "https://github.com/acme/*");
  EXPECT_EQ(settings.credentials[0].token_file, "/etc/freshet/token");
  EXPECT_EQ(settings.credentials[0].github_app.has_value(), false);
  EXPECT_EQ(settings.credentials[1].username, "u");
  EXPECT_EQ(settings.credentials[1].password_file, "/etc/freshet/password");
  EXPECT_EQ(settings.credentials[1].ca_file, "/etc/freshet/ca.pem");
  EXPECT_EQ(settings.credentials[2].ssh_key_file, "/etc/freshet/key");
  EXPECT_EQ(settings.credentials[2].known_hosts_file, "/etc/freshet/known_hosts");
  ASSERT_TRUE(settings.credentials[3].github_app);
  EXPECT_EQ(settings.credentials[3].github_app->app_id, 1);
  EXPECT_EQ(settings.credentials[3].github_app->private_key_file, "/k");
  EXPECT_EQ(settings.credentials[3].github_app->installation_id, 2);
  EXPECT_EQ(settings.credentials[3].github_app->api_url, "https://ghe.example/api");
}

TEST(EveryKeyOfARepository, IsReadIntoItsPlace) {
  const Loaded loaded = load_text(kEveryKey, "f");
  ASSERT_TRUE(loaded.settings && loaded.settings->repositories.size() == 1);
  const Repository& repository = loaded.settings->repositories[0];
  EXPECT_EQ(repository.name.text(), "docs");
  EXPECT_EQ(repository.url.text(), "https://github.com/acme/docs.git");
  EXPECT_EQ(repository.interval, std::nullopt);
  EXPECT_EQ(repository.webhook_interval, Duration(20min));
  EXPECT_THAT(repository.refs, ElementsAre("refs/heads/main", "refs/tags/*"));
  EXPECT_EQ(repository.depth, 3U);
  EXPECT_THAT(repository.match, ElementsAre("git.example.org/docs"));
  EXPECT_EQ(repository.timeout, Duration(1min));
  EXPECT_EQ(repository.first_timeout, Duration(2h));
  EXPECT_EQ(repository.stall_timeout, Duration(3s));
  EXPECT_THAT(repository.webhook_secret_files, ElementsAre("/etc/freshet/docs.secret"));
  EXPECT_TRUE(repository.mirror);
  ASSERT_EQ(repository.checkouts.size(), 2U);
  const Checkout& shorthand = repository.checkouts[0];
  EXPECT_EQ(shorthand.path, "/srv/docs");
  EXPECT_EQ(shorthand.ref, "main");
  EXPECT_EQ(shorthand.mode, CheckoutMode::in_place);
  EXPECT_EQ(shorthand.keep_old, Duration(0s));
  EXPECT_FALSE(shorthand.git);
  EXPECT_EQ(shorthand.group, "www-data");
  const Checkout& stable = repository.checkouts[1];
  EXPECT_EQ(stable.path, "/srv/docs-stable");
  EXPECT_EQ(stable.ref, "refs/tags/v1");
  EXPECT_EQ(stable.mode, CheckoutMode::atomic);
  EXPECT_EQ(stable.keep_old, Duration(2min));
  EXPECT_TRUE(stable.git);
  EXPECT_EQ(stable.group, "");
  ASSERT_EQ(repository.gates.size(), 1U);
  EXPECT_THAT(repository.gates[0].run, ElementsAre("/usr/local/bin/validate", "--strict"));
  EXPECT_EQ(repository.gates[0].timeout, Duration(61s));
  ASSERT_EQ(repository.on_update.size(), 2U);
  EXPECT_THAT(repository.on_update[0].run, ElementsAre("systemctl", "reload", "nginx"));
  EXPECT_EQ(repository.on_update[0].timeout, Duration(62s));
  EXPECT_THAT(repository.on_update[0].paths, ElementsAre("conf/**"));
  EXPECT_THAT(repository.on_update[0].refs, ElementsAre("refs/heads/main"));
  EXPECT_EQ(repository.on_update[1].post, "https://ci.example/hook");
  EXPECT_EQ(repository.on_update[1].secret_file, "/etc/freshet/ci.secret");
  EXPECT_EQ(repository.on_update[1].timeout, Duration(60s));
}

TEST(EveryKey, IsTakenWithoutAWord) {
  EXPECT_THAT(texts(load_text(kEveryKey, "f")), IsEmpty());
}

TEST(Defaults, HoldForEveryRepositoryThatDoesNotSayOtherwise) {
  const Settings settings = load_clean(R"(
[[repository]]
url = "https://example.org/a"
path = "/srv/a"
[[repository]]
url = "https://example.org/b"
path = "/srv/b"
ref = "own"
interval = "2m"
keep_old = "2s"
git = true
webhook_secret_files = []
[defaults]
interval = "off"
timeout = "7s"
ref = "stable"
keep_old = "1s"
git = false
group = "www-data"
webhook_secret_files = ["/s"]
)");
  ASSERT_EQ(settings.repositories.size(), 2U);
  const Repository& a = settings.repositories[0];
  EXPECT_EQ(a.interval, std::nullopt);
  EXPECT_EQ(a.timeout, Duration(7s));
  EXPECT_EQ(a.checkouts[0].ref, "stable");
  EXPECT_EQ(a.checkouts[0].keep_old, Duration(1s));
  EXPECT_FALSE(a.checkouts[0].git);
  EXPECT_EQ(a.checkouts[0].group, "www-data");
  EXPECT_THAT(a.webhook_secret_files, ElementsAre("/s"));
  const Repository& b = settings.repositories[1];
  EXPECT_EQ(b.interval, Duration(2min));
  EXPECT_EQ(b.timeout, Duration(7s));
  EXPECT_EQ(b.checkouts[0].ref, "own");
  EXPECT_EQ(b.checkouts[0].keep_old, Duration(2s));
  EXPECT_TRUE(b.checkouts[0].git);
  EXPECT_EQ(b.checkouts[0].group, "www-data");
  EXPECT_THAT(b.webhook_secret_files, IsEmpty());
}

TEST(ACheckout, InheritsFromItsRepositoryAndThenFromTheDefaults) {
  const Settings settings = load_clean(R"(
[defaults]
group = "from-defaults"
keep_old = "1s"
[[repository]]
url = "https://example.org/a"
path = "/srv/a"
checkout = [{ path = "/srv/b" }, { path = "/srv/c", keep_old = "3s", git = true, ref = "v1" }]
ref = "main"
keep_old = "2s"
git = false
)");
  ASSERT_EQ(settings.repositories.size(), 1U);
  ASSERT_EQ(settings.repositories[0].checkouts.size(), 3U);
  const Checkout& a = settings.repositories[0].checkouts[0];
  const Checkout& b = settings.repositories[0].checkouts[1];
  const Checkout& c = settings.repositories[0].checkouts[2];
  EXPECT_EQ(a.ref, "main");
  EXPECT_EQ(b.ref, "HEAD") << "the shorthand's ref is the shorthand's own";
  EXPECT_EQ(b.keep_old, Duration(2s));
  EXPECT_FALSE(b.git);
  EXPECT_EQ(b.group, "from-defaults");
  EXPECT_EQ(c.ref, "v1");
  EXPECT_EQ(c.keep_old, Duration(3s));
  EXPECT_TRUE(c.git);
}

TEST(CommandsOfTheDefaults, AreReplacedByThoseOfARepository) {
  const Loaded loaded = load_text(R"(
[[defaults.gate]]
run = ["default"]
[[repository]]
url = "https://example.org/a"
path = "/srv/a"
[[repository]]
url = "https://example.org/b"
path = "/srv/b"
[[repository.gate]]
run = ["own"]
)",
                                  "f");
  ASSERT_TRUE(loaded.settings);
  ASSERT_EQ(loaded.settings->repositories.size(), 2U);
  ASSERT_EQ(loaded.settings->repositories[0].gates.size(), 1U);
  EXPECT_THAT(loaded.settings->repositories[0].gates[0].run, ElementsAre("default"));
  ASSERT_EQ(loaded.settings->repositories[1].gates.size(), 1U);
  EXPECT_THAT(loaded.settings->repositories[1].gates[0].run, ElementsAre("own"));
}

TEST(TheSameUpstream, MayBeFollowedByTwoRepositoriesOfDifferentNames) {
  const Settings settings = load_clean(R"(
[[repository]]
url = "https://example.org/a.git"
path = "/srv/a"
[[repository]]
name = "again"
url = "ssh://git@example.org/a"
path = "/srv/b"
)");
  EXPECT_EQ(settings.repositories.size(), 2U);
}

TEST(ARepositoryWithoutAFile, HasTheDefaultsAndOneCheckout) {
  const auto repository =
      default_repository(UpstreamUrl::parse("https://example.org/a/b.git").value(), "/srv/x/");
  ASSERT_TRUE(repository) << repository.error().message;
  EXPECT_EQ(repository->name.text(), "example.org/a/b");
  EXPECT_EQ(repository->interval, Duration(60s));
  ASSERT_EQ(repository->checkouts.size(), 1U);
  EXPECT_EQ(repository->checkouts[0].path, "/srv/x");
  EXPECT_EQ(repository->checkouts[0].ref, "HEAD");
  EXPECT_EQ(repository->checkouts[0].keep_old, Duration(60s));

  const auto refused = default_repository(repository->url, "relative");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error_class, ErrorClass::config);
  EXPECT_THAT(refused.error().message, HasSubstr("relative: expected an absolute path"));
}

// --- The example configuration
// --------------------------------------------------------------------

constexpr const char* kExample = FRESHET_SOURCE_DIR "/etc/freshet.toml";

/// The example with every setting in it active: "#key = value" and "#[table]", not "# text".
std::string uncommented_example() {
  const auto text = read_file(kExample);
  EXPECT_TRUE(text);
  std::istringstream lines(text.value_or(""));
  std::string result;
  for (std::string line; std::getline(lines, line);) {
    const bool setting = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    result += (setting ? line.substr(1) : line) + "\n";
  }
  return result;
}

TEST(TheExample, LoadsWithoutAnyDiagnosticAndFollowsOneRepository) {
  const Loaded loaded = load_file(kExample);
  EXPECT_THAT(texts(loaded), IsEmpty());
  ASSERT_TRUE(loaded.settings);
  ASSERT_EQ(loaded.settings->repositories.size(), 1U);
  EXPECT_EQ(loaded.settings->repositories[0].checkouts[0].path, "/srv/git/docs");
}

TEST(TheExample, IsStillRightWithEveryCommentedSettingActive) {
  const std::string text = uncommented_example();
  // tables.
  const Loaded loaded = load_text(text, "freshet.toml");
  ASSERT_TRUE(loaded.settings) << testing::PrintToString(texts(loaded));
  EXPECT_EQ(loaded.settings->credentials.size(), 4U);
  EXPECT_EQ(loaded.settings->repositories[0].on_update.size(), 2U);
}

TEST(TheExample, ShowsEverySettingThereIsInItsTable) {
  std::istringstream lines(uncommented_example());
  std::string table;
  std::map<std::string, std::string> text_of;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('[')) {
      table = line;
    }
    text_of[table] += "\n" + line;
  }
  for (const SettingInfo& setting : all_settings()) {
    const bool is_header = setting.kind.ends_with("table") || setting.kind.ends_with("tables");
    if (setting.section == "defaults" || setting.section.starts_with("defaults.") || is_header) {
      continue;
    }
    const bool inline_table = setting.section == "credential.github_app";
    const std::string header = inline_table ? "[[credential]]" : setting.header;
    const std::string start = (inline_table ? " " : "\n") + setting.key + " =";
    EXPECT_THAT(text_of[header], HasSubstr(start)) << setting.section;
  }
}

TEST(TheAdminTable, IsReadFromAFileWithErrorsAsFarAsItGoes) {
  const std::string admin = "[admin]\nlisten = \"127.0.0.1:1\"\n";
  const auto address_in = [](const std::string& text) {
    const Loaded loaded = load_text(text, "f");
    EXPECT_FALSE(loaded.settings) << text;
    return loaded.admin ? loaded.admin->listen.text() : "";
  };
  EXPECT_EQ(address_in(admin + "[limits]\nrefreshes = 0\n"), "127.0.0.1:1");
  EXPECT_EQ(address_in("colour = 1\n" + admin), "127.0.0.1:1");
  EXPECT_EQ(address_in(admin + "hosts = 5\n"), "127.0.0.1:1");
  EXPECT_EQ(address_in(admin + "\n[limits\n"), "127.0.0.1:1");
  EXPECT_EQ(address_in("[limits\n" + admin), "");
  EXPECT_EQ(address_in("[admin]\nlisten = 5\n"), "127.0.0.1:8481");
}

}  // namespace
}  // namespace freshet::config
