#include "webhook/match.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace freshet::webhook {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Followed repository(const std::string& name, const std::string& url,
                    std::vector<std::string> match = {}) {
  return {RepositoryName(name), url, std::move(match), {"HEAD"}, 0};
}

std::vector<std::string> names(const std::vector<const Followed*>& found) {
  std::vector<std::string> result;
  result.reserve(found.size());
  for (const Followed* one : found) {
    result.push_back(one->name.text());
  }
  return result;
}

std::vector<std::string> by_url(const MatchIndex& index, const std::string& url) {
  return names(index.meant_by({{url}, {}}));
}

std::vector<std::string> by_full_name(const MatchIndex& index, const std::string& name) {
  return names(index.meant_by({{}, {name}}));
}

TEST(Matching, IgnoresSchemeUserPortCaseSuffixSlashesAndScm) {
  const std::vector<std::string> forms = {
      "https://git.example.com/acme/docs",
      "https://git.example.com/acme/docs.git",
      "https://git.example.com/acme/docs/",
      "https://git.example.com/acme/docs.git/",
      "http://git.example.com/acme/docs",
      "https://git.example.com:8443/acme/docs.git",
      "https://GIT.Example.COM/acme/docs",
      "https://git.example.com/Acme/DOCS.git",
      "https://somebody@git.example.com/acme/docs.git",
      "https://git.example.com/scm/acme/docs.git",
      "https://git.example.com:7990/scm/ACME/docs.git",
      "ssh://git@git.example.com/acme/docs.git",
      "ssh://git@git.example.com:7999/acme/docs.git",
      "git@git.example.com:acme/docs.git",
      "git@git.example.com:/acme/docs",
      "git.example.com:acme/docs",
      "git://git.example.com/acme/docs.git",
  };
  for (const std::string& configured : forms) {
    const MatchIndex index({repository("docs", configured)});
    for (const std::string& sent : forms) {
      EXPECT_THAT(by_url(index, sent), ElementsAre("docs")) << configured << " and " << sent;
    }
  }
}

TEST(Matching, TellsHostsOwnersAndNamesApart) {
  const MatchIndex index({repository("a", "https://github.com/acme/docs.git"),
                          repository("b", "https://gitlab.com/acme/docs.git"),
                          repository("c", "https://github.com/other/docs.git"),
                          repository("d", "https://github.com/acme/docs-old.git"),
                          repository("e", "https://github.com/acme/group/docs.git")});
  EXPECT_THAT(by_url(index, "https://github.com/acme/docs"), ElementsAre("a"));
  EXPECT_THAT(by_url(index, "https://gitlab.com/acme/docs"), ElementsAre("b"));
  EXPECT_THAT(by_url(index, "git@github.com:other/docs.git"), ElementsAre("c"));
  EXPECT_THAT(by_url(index, "https://github.com/acme/docs-old"), ElementsAre("d"));
  EXPECT_THAT(by_url(index, "https://github.com/acme/group/docs"), ElementsAre("e"));
  for (const char* foreign :
       {"https://github.com/acme/doc", "https://github.com/docs", "https://github.com/",
        "https://evil-github.com/acme/docs", "https://example.com/github.com/acme/docs", ""}) {
    EXPECT_THAT(by_url(index, foreign), IsEmpty()) << foreign;
  }
}

TEST(Matching, FindsAllRepositoriesOfOneUpstreamInTheirOrder) {
  const MatchIndex index({repository("z", "https://github.com/acme/docs.git"),
                          repository("x", "https://github.com/acme/other.git"),
                          repository("a", "git@github.com:acme/docs.git")});
  const Identity identity{{"https://github.com/acme/docs.git", "git@github.com:acme/docs.git",
                           "https://github.com/acme/docs"},
                          {"acme/docs"}};
  EXPECT_THAT(names(index.meant_by(identity)), ElementsAre("z", "a"));
}

TEST(Matching, TakesFurtherNamesWithAndWithoutAScheme) {
  const MatchIndex index({repository("mirror", "ssh://git@backup.example/m/docs.git",
                                     {"github.com/acme/docs", "https://git.example:8443/a/docs.git",
                                      "gitea.example:3000/a/docs"}),
                          repository("local", "/srv/git/x.git", {"github.com/acme/x"})});
  for (const char* sent : {"https://github.com/acme/docs.git", "git@git.example:a/docs",
                           "https://gitea.example/a/docs.git", "https://backup.example/m/docs"}) {
    EXPECT_THAT(by_url(index, sent), ElementsAre("mirror")) << sent;
  }
  EXPECT_THAT(by_url(index, "https://github.com/acme/x.git"), ElementsAre("local"));
}

TEST(Matching, ComparesLocalUpstreamsByPath) {
  for (const char* configured :
       {"/srv/git/docs.git", "/srv/git/docs", "file:///srv/git/docs.git", "/srv/git/docs/.git"}) {
    const MatchIndex index({repository("docs", configured)});
    for (const char* sent : {"/srv/git/docs.git", "/srv/git/docs", "/srv/git/docs.git/",
                             "file:///srv/git/docs.git", "file://localhost/srv/git/docs"}) {
      EXPECT_THAT(by_url(index, sent), ElementsAre("docs")) << configured << " and " << sent;
    }
    for (const char* sent : {"/srv/git/docs2", "/git/docs", "https://host/srv/git/docs.git"}) {
      EXPECT_THAT(by_url(index, sent), IsEmpty()) << configured << " and " << sent;
    }
  }
}

TEST(Matching, GoesByTheFullNameOnlyWhenNoUrlHasAHost) {
  const MatchIndex index({repository("a", "https://github.com/acme/docs.git"),
                          repository("b", "https://gitlab.com/Acme/docs"),
                          repository("c", "https://github.com/other/docs"),
                          repository("local", "/srv/git/acme/docs.git"),
                          repository("deep", "https://gitlab.com/group/acme/docs"),
                          repository("scm", "https://stash.example/scm/proj/wiki.git")});
  EXPECT_THAT(by_full_name(index, "acme/docs"), ElementsAre("a", "b", "local"));
  EXPECT_THAT(by_full_name(index, "ACME/Docs.git"), ElementsAre("a", "b", "local"));
  EXPECT_THAT(by_full_name(index, "group/acme/docs"), ElementsAre("deep"));
  EXPECT_THAT(by_full_name(index, "proj/wiki"), ElementsAre("scm"));
  EXPECT_THAT(by_full_name(index, "docs"), IsEmpty());
  EXPECT_THAT(by_full_name(index, ""), IsEmpty());
  EXPECT_THAT(by_url(index, "acme/docs"), ElementsAre("a", "b", "local"));
  EXPECT_THAT(names(index.meant_by({{"https://example.com/acme/docs"}, {"acme/docs"}})), IsEmpty());
  EXPECT_THAT(names(index.meant_by({{"/elsewhere/docs"}, {"acme/docs"}})),
              ElementsAre("a", "b", "local"));
}

TEST(Matching, LeavesRepositoriesWithSecretsOfTheirOwnToTheirRoute) {
  Followed own = repository("own", "https://github.com/acme/docs");
  own.own_secrets = 1;
  const MatchIndex index({own, repository("general", "https://github.com/acme/docs")});
  EXPECT_THAT(by_url(index, "https://github.com/acme/docs"), ElementsAre("general"));
  ASSERT_NE(index.find(RepositoryName("own")), nullptr);
  EXPECT_EQ(index.find(RepositoryName("own"))->url, "https://github.com/acme/docs");
  EXPECT_EQ(index.find(RepositoryName("nobody")), nullptr);
  ASSERT_NE(index.most_secrets(), nullptr);
  EXPECT_EQ(MatchIndex({repository("a", "https://h/a")}).most_secrets(), nullptr);
}

TEST(Matching, TakesTheNamesOfTheConfigurationButNotOfRepositoriesWithSecretsOfTheirOwn) {
  Followed own = repository("own", "https://github.com/acme/own");
  Followed more = repository("more", "https://github.com/acme/more");
  own.own_secrets = 1;
  more.own_secrets = 2;
  const MatchIndex index({repository("team/docs", "https://github.com/acme/docs"), own, more});
  const auto by_own_name = [&](const std::string& name) {
    return names(index.meant_by({{}, {}, {name}}));
  };
  EXPECT_THAT(by_own_name("team/docs"), ElementsAre("team/docs"));
  EXPECT_THAT(by_own_name("Team/Docs"), IsEmpty());
  EXPECT_THAT(by_own_name("own"), IsEmpty());
  EXPECT_EQ(index.most_secrets()->name, RepositoryName("more"));
}

TEST(FollowedRefs, AreExactNamesPatternsAndTheDefaultBranch) {
  struct Case {
    std::vector<std::string> patterns;
    std::string ref;
    bool follows;
  };
  const std::vector<Case> cases = {
      {{"refs/heads/main"}, "refs/heads/main", true},
      {{"refs/heads/main"}, "refs/heads/main2", false},
      {{"refs/heads/main"}, "refs/heads/Main", false},
      {{"refs/heads/main"}, "refs/tags/main", false},
      {{"refs/heads/v1", "refs/tags/v1"}, "refs/tags/v1", true},
      {{"refs/heads/*"}, "refs/heads/topic/deep", true},
      {{"refs/heads/*"}, "refs/tags/v1", false},
      {{"refs/pull/*/head"}, "refs/pull/7/head", true},
      {{"refs/pull/*/head"}, "refs/pull/7/merge", false},
      {{"refs/a*a"}, "refs/a", false},
      {{"HEAD"}, "refs/heads/anything", true},
      {{"HEAD"}, "refs/tags/v1", false},
      {{"HEAD"}, "refs/pull/7/head", false},
      {{"0123456789012345678901234567890123456789"}, "refs/heads/any", true},
      {{}, "refs/notes/commits", true},
  };
  for (const Case& one : cases) {
    Followed followed = repository("docs", "https://h/docs");
    followed.refs = one.patterns;
    EXPECT_EQ(follows(followed, RefName(one.ref), {}), one.follows)
        << testing::PrintToString(one.patterns) << " " << one.ref;
  }
}

TEST(Matching, HoldsTenThousandRepositories) {
  std::vector<Followed> all;
  all.reserve(10'000);
  for (int i = 0; i < 10'000; ++i) {
    all.push_back(repository(std::to_string(i), "https://github.com/acme/r" + std::to_string(i)));
  }
  const MatchIndex index(std::move(all));
  EXPECT_THAT(by_url(index, "git@github.com:acme/r9876.git"), ElementsAre("9876"));
  EXPECT_THAT(by_url(index, "git@github.com:acme/r10000.git"), IsEmpty());
}

TEST(Follows, KnowsTheDefaultBranchOnceARefreshHasSeenIt) {
  Followed followed;
  followed.refs = {"HEAD"};
  const std::vector<RefName> known{RefName("refs/heads/trunk")};
  EXPECT_TRUE(follows(followed, RefName("refs/heads/trunk"), known));
  EXPECT_FALSE(follows(followed, RefName("refs/heads/other"), known));
  EXPECT_TRUE(follows(followed, RefName("refs/heads/other"), {})) << "it could be the default one";
  EXPECT_FALSE(follows(followed, RefName("refs/tags/v1"), {}));
}

}  // namespace
}  // namespace freshet::webhook
