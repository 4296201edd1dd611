#include "app/specs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"

namespace freshet::app {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;
using testing::UnorderedElementsAre;

config::Repository repository(const std::string& name, const std::string& url) {
  config::Repository result =
      config::default_repository(UpstreamUrl::parse("https://h/x").value(), "/srv/docs").value();
  result.name = RepositoryName(name);
  result.url = UpstreamUrl::parse(url).value();
  return result;
}

config::Settings settings_with(const std::vector<std::pair<std::string, std::string>>& list) {
  config::Settings settings = config::default_settings();
  settings.state_dir = "/state";
  for (const auto& [name, url] : list) {
    settings.repositories.push_back(repository(name, url));
  }
  return settings;
}

std::vector<std::string> mirrors_of(const std::vector<std::pair<std::string, std::string>>& list) {
  std::vector<std::string> paths;
  for (const auto& spec : repository_specs(settings_with(list))) {
    paths.push_back(spec->mirror);
  }
  return paths;
}

std::string mirror_of(const std::string& url) {
  return mirrors_of({{"name", url}}).at(0);
}

TEST(MirrorPaths, AreKeyedByHostAndPath) {
  const std::pair<const char*, const char*> table[] = {
      {"https://github.com/acme/docs.git", "/state/mirrors/github.com/acme/docs.git"},
      {"https://github.com/acme/docs", "/state/mirrors/github.com/acme/docs.git"},
      {"git@GitHub.com:acme/docs", "/state/mirrors/github.com/acme/docs.git"},
      {"https://github.com/Acme/Docs", "/state/mirrors/github.com/Acme/Docs.git"},
      {"http://127.0.0.1:8080/docs", "/state/mirrors/127.0.0.1+8080/docs.git"},
      {"https://github.com:443/docs", "/state/mirrors/github.com/docs.git"},
      {"https://example.org/a+b_c~d-e.f", "/state/mirrors/example.org/a+b_c~d-e.f.git"},
      {"/srv/git/docs.git", "/state/mirrors/local/srv/git/docs.git"},
      {"file:///srv/docs/.git", "/state/mirrors/local/srv/docs.git"},
  };
  for (const auto& [url, path] : table) {
    EXPECT_EQ(mirror_of(url), path) << url;
  }
}

TEST(MirrorPaths, StayBelowTheirRootWhateverTheUrl) {
  for (const char* url : {"https://h/..",
                          "https://h/../..",
                          "https://h/../../etc/passwd",
                          "https://h/a/../../../b",
                          "https://h/.",
                          "https://h/./.git",
                          "https://h/.git",
                          "https://h/..git",
                          "https://h/...",
                          "https://../x",
                          "https://./x",
                          "https://.git/x",
                          "https://h/a//..//b",
                          "https://h/%2e%2e/x",
                          "https://h/%2F..%2F",
                          "https://h/a\\..\\b",
                          "https://h/a:b@c",
                          "https://h/\xff\xfe",
                          "https://h/~/x",
                          "https://h/-x/y",
                          "https://h/lock",
                          "https://h/config.lock",
                          "git@h:../../x",
                          "git@..:x",
                          "/../../etc",
                          "/srv/../..",
                          "file:///../x",
                          "https://h/a?b=../c",
                          "https://h/a#../b"}) {
    const auto parsed = UpstreamUrl::parse(url);
    if (!parsed) {
      continue;  // refused even earlier
    }
    const std::string path = mirror_of(url);
    ASSERT_THAT(path, StartsWith("/state/mirrors/")) << url;
    EXPECT_TRUE(path.ends_with(".git")) << path;
    EXPECT_EQ(path.find("/."), std::string::npos) << path << " of " << url;
    EXPECT_EQ(path.find("//"), std::string::npos) << path;
    for (const char c : path) {
      EXPECT_TRUE(c > ' ' && c < 0x7f && c != '\\' && c != ':') << path;
    }
  }
}

TEST(MirrorPaths, OfDifferentUpstreamsDifferAndNoneLiesInAnother) {
  std::vector<std::pair<std::string, std::string>> list;
  for (const char* url : {"https://h/a",
                          "https://h/A",
                          "https://h/a/b",
                          "https://h/a.git/b",
                          "https://h/a.git.git",
                          "https://h/a.git/b.git/c",
                          "https://h/a/b.git/c",
                          "https://h/a%2Fb",
                          "https://h/a+b",
                          "https://h/a b+",
                          "https://h:1/a",
                          "https://h:2/a",
                          "https://h/+1/a",
                          "https://h+1/a",
                          "https://h.git/a",
                          "https://h.git",
                          "https://h/.git",
                          "https://h/x.git@name",
                          "https://h/a@name",
                          "https://h/a.GIT/b",
                          "https://h/..",
                          "https://h/%2e.",
                          "https://h/%",
                          "https://h/%25",
                          "https://local/srv/x",
                          "/srv/x",
                          "/srv",
                          "/srv/x/y",
                          "/srv/x.git/y",
                          "https://h/objects",
                          "https://h/a/objects",
                          "https://h/a.git/objects/pack"}) {
    if (UpstreamUrl::parse(url)) {
      list.emplace_back("r" + std::to_string(list.size()), url);
    }
  }
  const auto paths = mirrors_of(list);
  ASSERT_EQ(paths.size(), list.size());
  for (std::size_t i = 0; i < paths.size(); ++i) {
    for (std::size_t j = 0; j < paths.size(); ++j) {
      if (i != j) {
        EXPECT_NE(paths[i], paths[j]) << list[i].second << " and " << list[j].second;
        EXPECT_FALSE(paths[i].starts_with(paths[j] + "/"))
            << list[i].second << " lies in " << list[j].second;
      }
    }
  }
}

TEST(MirrorPaths, OfRepositoriesWithOneUpstreamAreTheirOwn) {
  const auto paths = mirrors_of({{"docs", "https://h/docs"},
                                 {"docs-stable", "https://h/docs.git"},
                                 {"../../evil", "git@h:docs"},
                                 {"a/b", "ssh://h/docs"},
                                 {"a%2fb", "https://h/docs"}});
  EXPECT_EQ(paths[0], "/state/mirrors/h/docs.git");
  EXPECT_EQ(paths[1], "/state/mirrors/h/docs.git@docs-stable");
  EXPECT_THAT(std::set<std::string>(paths.begin(), paths.end()), SizeIs(paths.size()));
  for (const std::string& path : paths) {
    EXPECT_THAT(path, StartsWith("/state/mirrors/h/docs.git"));
    EXPECT_EQ(path.find('/', std::string("/state/mirrors/h/").size()), std::string::npos) << path;
  }
}

TEST(MirrorPaths, HoldNoNameThatIsTooLongForAFile) {
  std::string wide;
  for (int i = 0; i < 60; ++i) {
    wide += "\xe6\x97\xa5";  // nine characters each when it is encoded
  }
  const auto paths =
      mirrors_of({{"a", "https://h/x"}, {wide, "https://h/x"}, {wide + "b", "https://h/x"}});
  EXPECT_LT(paths[1].size(), 100U);
  EXPECT_NE(paths[1], paths[0]);
  EXPECT_NE(paths[1], paths[2]);
}

TEST(MirrorPaths, DoNotDependOnWhatElseIsConfigured) {
  const std::string alone = mirror_of("https://h/docs");
  EXPECT_EQ(mirrors_of({{"other", "https://h/other"}, {"docs", "https://h/docs"}}).at(1), alone);
}

TEST(Specs, CarryWhatTheConfigurationSays) {
  config::Settings settings = settings_with({{"docs", "https://h/docs"}});
  config::Repository& docs = settings.repositories[0];
  docs.refs = {"refs/heads/*", "refs/tags/v1"};
  docs.depth = 3;
  docs.timeout = 7s;
  docs.first_timeout = 8s;
  docs.stall_timeout = 9s;
  docs.checkouts[0].keep_old = 10s;
  docs.checkouts[0].git = false;
  docs.checkouts[0].group = "www-data";
  const auto spec = repository_specs(settings).at(0);
  EXPECT_EQ(spec->name, RepositoryName("docs"));
  EXPECT_EQ(spec->url.text(), "https://h/docs");
  ASSERT_THAT(spec->follows, SizeIs(2));
  EXPECT_EQ(spec->follows[0].text, "refs/heads/*");
  EXPECT_EQ(spec->depth, 3);
  EXPECT_EQ(spec->time_limit, Duration(7s));
  EXPECT_EQ(spec->first_time_limit, Duration(8s));
  EXPECT_EQ(spec->silence_limit, Duration(9s));
  ASSERT_THAT(spec->checkouts, SizeIs(1));
  EXPECT_EQ(spec->checkouts[0].path, "/srv/docs");
  EXPECT_EQ(spec->checkouts[0].ref, "HEAD");
  EXPECT_EQ(spec->checkouts[0].mode, "atomic");
  EXPECT_EQ(spec->checkouts[0].keep_old, Duration(10s));
  EXPECT_FALSE(spec->checkouts[0].git);
  EXPECT_EQ(spec->checkouts[0].group, "www-data");
}

TEST(Limits, AreThoseOfTheConfiguration) {
  config::Settings settings = config::default_settings();
  settings.limits.refreshes = 3;
  settings.limits.per_host = 2;
  EXPECT_EQ(schedule_limits(settings).refreshes, 3);
  EXPECT_EQ(schedule_limits(settings).per_host, 2);
}

TEST(Scheduled, CountByTheHostOfTheUrl) {
  config::Repository docs = repository("docs", "https://h:8443/docs");
  EXPECT_EQ(scheduled(docs).host, HostKey("h:8443"));
  EXPECT_EQ(scheduled(docs).name, RepositoryName("docs"));
  docs.interval = 5s;
  EXPECT_EQ(scheduled(docs).interval, Duration(5s));
  docs.interval.reset();
  EXPECT_EQ(scheduled(docs).interval, std::nullopt);
  EXPECT_EQ(scheduled(repository("l", "/srv/git/docs")).host, HostKey("local"));
}

TEST(Matched, RepositoriesFollowTheRefsOfTheirCheckouts) {
  config::Repository docs = repository("docs", "https://h/docs");
  EXPECT_THAT(matched(docs).refs, ElementsAre("HEAD"));
  docs.checkouts[0].ref = "main";
  EXPECT_THAT(matched(docs).refs, UnorderedElementsAre("refs/heads/main", "refs/tags/main"));
  docs.checkouts[0].ref = "refs/tags/v1";
  docs.refs = {"refs/heads/*"};
  EXPECT_THAT(matched(docs).refs, UnorderedElementsAre("refs/tags/v1", "refs/heads/*"));
  docs.checkouts.push_back(docs.checkouts[0]);
  docs.checkouts[1].ref = "HEAD";
  EXPECT_THAT(matched(docs).refs, UnorderedElementsAre("refs/tags/v1", "HEAD", "refs/heads/*"));
}

TEST(Matched, RepositoriesOfACommitTakeAnyRef) {
  config::Repository docs = repository("docs", "https://h/docs");
  docs.checkouts[0].ref = std::string(40, 'c');
  const webhook::Followed followed = matched(docs);
  for (const char* ref : {"refs/heads/main", "refs/tags/v1"}) {
    EXPECT_TRUE(webhook::follows(followed, RefName(ref), {})) << ref;
  }
  docs.checkouts.push_back(docs.checkouts[0]);
  docs.checkouts[1].ref = "main";
  EXPECT_TRUE(webhook::follows(matched(docs), RefName("refs/heads/other"), {}))
      << "whichever ref brings the commit";
}

TEST(Matched, RepositoriesCarryNamesUrlsAndWhetherTheyHaveSecrets) {
  config::Repository docs = repository("docs", "https://h/docs");
  docs.match = {"h/renamed"};
  EXPECT_EQ(matched(docs).name, RepositoryName("docs"));
  EXPECT_EQ(matched(docs).url, "https://h/docs");
  EXPECT_THAT(matched(docs).match, ElementsAre("h/renamed"));
  EXPECT_FALSE(matched(docs).own_secrets);
  docs.webhook_secret_files = {"/etc/freshet/docs.secret"};
  EXPECT_TRUE(matched(docs).own_secrets);
}

TEST(Announced, RepositoriesShowNoTokenOfTheirUrl) {
  const auto spec = repository_specs(settings_with({{"docs", "https://ghp-token@h/docs"}})).at(0);
  const RepositoryAdded added = announced(*spec);
  EXPECT_EQ(added.url.find("ghp-token"), std::string::npos) << added.url;
  ASSERT_THAT(added.checkouts, SizeIs(1));
  EXPECT_EQ(added.checkouts[0].path, "/srv/docs");
  EXPECT_EQ(added.checkouts[0].state, CheckoutState::pending);
}

}  // namespace
}  // namespace freshet::app
