#include <gmock/gmock.h>

#include "base/hmac.h"
#include "support/checkout_fixture.h"

// Every byte, mode and link of a published tree, compared with what `git worktree add` makes of the
// same commit.

namespace freshet::checkout {
namespace {

using freshet::testing::CheckoutFixture;
using freshet::testing::Entry;
using freshet::testing::file;
using freshet::testing::git;
using freshet::testing::link_target;
using freshet::testing::must;
using freshet::testing::Tree;

class BytesTest : public CheckoutFixture {
 protected:
  void expect_as_git_writes(const Tree& tree) {
    const ObjectId id = commit(tree);
    const auto published = publish(id);
    ASSERT_TRUE(published) << published.error().message;
    expect_complete(id);
  }
};

Entry executable(std::string content) {
  return {"100755", std::move(content)};
}
Entry link(std::string target) {
  return {"120000", std::move(target)};
}

TEST_F(BytesTest, OfPlainFilesAreThoseOfTheCommit) {
  expect_as_git_writes({{"README", file("text\n")},
                        {"empty", file("")},
                        {"binary", file(std::string("\0\xff\r\n\x1a", 5))},
                        {"big", file(std::string(3'000'000, 'x'))},
                        {"crlf", file("a\r\nb\n")},
                        {"$Id$", file("$Id$\n")},
                        {"folder/empty", file("")}});
}

TEST_F(BytesTest, OfTheEmptyTreeAreNone) {
  expect_as_git_writes({});
}

TEST_F(BytesTest, ModesAreThoseOfGit) {
  expect_as_git_writes({{"plain", file("x")},
                        {"run", executable("#!/bin/sh\n")},
                        {"empty run", executable("")},
                        {"bin/run", executable("x")}});
  const auto found = freshet::testing::snapshot_of(path_ + "/.");
  EXPECT_EQ(found.at("plain").mode, S_IFREG | 0644U);
  EXPECT_EQ(found.at("run").mode, S_IFREG | 0755U);
  EXPECT_EQ(found.at("bin").mode, S_IFDIR | 0755U);
}

TEST_F(BytesTest, OldModesOfFilesAreTakenForThoseOfToday) {
  const std::string id = from_hex(blob("x")).value();
  std::string tree;
  for (const char* entry : {"100600 a", "100664 b", "100775 c", "100777 d"}) {
    tree += entry + std::string(1, '\0') + id;
  }
  const ObjectId commit =
      commit_tree(source_.git({"hash-object", "-w", "-t", "tree", "--literally", "--stdin"}, tree));
  must(publish(commit));
  expect_complete(commit);
}

TEST_F(BytesTest, LinksAreWrittenAsTheyAreAndNeverFollowed) {
  must(make_directories(directory_ / "outside"));
  expect_as_git_writes({{"target", file("x")},
                        {"to file", link("target")},
                        {"folder/up", link("../target")},
                        {"dangling", link("no/such/file")},
                        {"absolute", link(directory_ / "outside")},
                        {"root", link("/")},
                        {"itself", link("itself")},
                        {"above", link("../../../../..")},
                        {"into git", link(".git/HEAD")},
                        {"long", link(std::string(4000, 'x'))},
                        {"odd", link("a\nb \"c\" \xff")}});
  EXPECT_EQ(link_target(path_ + "/absolute"), directory_ / "outside");
}

TEST_F(BytesTest, NamesAreTakenByteForByte) {
  Tree tree;
  for (const char* name :
       {"with space", " leading",    "trailing ",   "new\nline", "tab\t",     "\"quoted\"",
        "'single'",   "back\\slash", "\xff\xfe",    "\xc3\xa9",  "e\xcc\x81", "-rf",
        "--",         "*",           "?",           "[a]",       "a:b",       "~",
        "$HOME",      "#x",          "!x",          ".hidden",   "...",       "con",
        "aux.txt",    ".gitignore",  ".gitmodules", ".github/x", "git",       "\x01\x7f"}) {
    tree[name] = file(name);
    tree[std::string("folder \xff/") + name] = file("below");
  }
  tree[std::string(255, 'n')] = file("longest");
  expect_as_git_writes(tree);
}

TEST_F(BytesTest, NamesThatDifferInCaseStayApart) {
  expect_as_git_writes(
      {{"a", file("1")}, {"A", file("2")}, {"b/x", file("3")}, {"B/x", file("4")}});
}

TEST_F(BytesTest, NamesThatSortOneWayAsFilesAndAnotherAsFoldersStayInGitsOrder) {
  expect_as_git_writes({{"a.b", file("1")},
                        {"a/x", file("2")},
                        {"a0", file("3")},
                        {"a-", file("4")},
                        {"a/x.y", file("5")},
                        {"a/x/z", file("6")}});
}

TEST_F(BytesTest, DeepFoldersAreWritten) {
  std::string path = "deep";
  for (int i = 0; i < 400; ++i) {
    path += "/d";
  }
  expect_as_git_writes({{path + "/file", file("x")}, {"deep/d/beside", file("y")}});
}

TEST_F(BytesTest, ManyFilesAreWritten) {
  Tree tree;
  for (int i = 0; i < 1000; ++i) {
    tree["f" + std::to_string(i % 50) + "/" + std::to_string(i)] = file(std::to_string(i % 100));
  }
  expect_as_git_writes(tree);
}

TEST_F(BytesTest, SubmodulesAreEmptyFolders) {
  const ObjectId commit = source_.commit({{"x", "1"}});
  expect_as_git_writes(
      {{".gitmodules", file("[submodule \"lib\"]\n\tpath = lib\n\turl = ../lib\n")},
       {"lib", {"160000", commit.hex()}},
       {"deep/lib", {"160000", std::string(40, 'd')}}});
  EXPECT_TRUE(is_directory(path_ + "/lib"));
}

// --- .gitattributes ---

std::map<std::string, std::string> contents() {
  using namespace std::string_literals;
  return {{"lf", "a\nb\n"},
          {"crlf", "a\r\nb\r\n"},
          {"mixed", "a\nb\r\nc\n"},
          {"cr", "a\rb\n"},
          {"only-cr", "a\rb"},
          {"no-end", "a\nb"},
          {"one-end", "\n"},
          {"ends", "\n\n\r\n"},
          {"empty", ""},
          {"nul", "a\0b\nc\n"s},
          {"control", "\x01\x02\x03\x04\n"},
          {"some-control", std::string(1000, 'a') + "\x01\n"},
          {"bom", "\xef\xbb\xbfx\n"},
          {"dos-end", "a\nb\n\x1a"},
          {"big",
           [] {
             std::string text;
             for (int i = 0; i < 20'000; ++i) {
               text += "line " + std::to_string(i) + "\n";
             }
             return text;
           }()},
          {"id", "$Id$\n"},
          {"id-old", "$Id: 0123456789 $\n"},
          {"id-twice", "x $Id$ y $Id$ z\n$Id: old $\n"},
          {"id-open", "$Id: no end\n$Id$\n"},
          {"id-empty", "$Id:$ $Id: $\n"},
          {"id-foreign", "$Id: name,v 1.2 2020/01/01 ann Exp $\n"},
          {"id-near", "$Idx$ $id$ Id$ $Id\n"},
          {"id-nul", "\0 $Id$ \n"s},
          {"id-no-end", "$Id$"},
          {"id-crlf", "$Id$\r\nb\r\n"}};
}

TEST_F(BytesTest, LineEndsAndIdsFollowEveryAttribute) {
  Tree tree;
  int number = 0;
  for (const char* attributes : {"text",
                                 "-text",
                                 "text=auto",
                                 "text=input",
                                 "text=other",
                                 "eol=crlf",
                                 "eol=lf",
                                 "eol=other",
                                 "text eol=crlf",
                                 "text eol=lf",
                                 "text=auto eol=crlf",
                                 "text=auto eol=lf",
                                 "-text eol=crlf",
                                 "!text eol=crlf",
                                 "binary",
                                 "crlf",
                                 "-crlf",
                                 "crlf=input",
                                 "crlf eol=crlf",
                                 "crlf=auto",
                                 "ident",
                                 "-ident",
                                 "ident eol=crlf",
                                 "ident text=auto eol=crlf",
                                 "ident -text",
                                 "diff",
                                 "filter=lfs",
                                 "text=true",
                                 "text=false",
                                 "text=set",
                                 "ident=true",
                                 "text eol=true",
                                 "binary ident",
                                 "text -crlf eol=crlf",
                                 "merge=binary text eol=crlf"}) {
    const std::string folder = "a" + std::to_string(number++) + "/";
    tree[folder + ".gitattributes"] = file(std::string("# comment\n* ") + attributes + "\n");
    for (const auto& [name, content] : contents()) {
      tree[folder + name] = file(content);
    }
  }
  const ObjectId id = commit(tree);
  must(publish(id));
  // Not what `git status` says: some of these are not as git would have committed them.
  expect_same_tree(id);
}

TEST_F(BytesTest, AttributesOfNestedFoldersReplaceThoseAbove) {
  Tree tree{
      {".gitattributes", file("* text eol=crlf\n*.lf text eol=lf\n/top.raw -text\n"
                              "sub/*.raw -text\nsub/**/deep.raw -text\n[attr]dos text eol=crlf\n"
                              "*.dos dos\nlist.txt ident\n")},
      {"sub/.gitattributes", file("* eol=lf\nx.txt eol=crlf\n*.raw !text\n")},
      {"sub/sub/.gitattributes", file("* -text\n!x.txt text\n")},
      {"other/.gitattributes", file("\n\n  \n# nothing\n")}};
  for (const char* folder : {"", "sub/", "sub/sub/", "sub/sub/sub/", "other/", "other/sub/"}) {
    for (const char* name : {"x.txt", "a.lf", "top.raw", "deep.raw", "b.dos", "list.txt"}) {
      tree[std::string(folder) + name] = file("$Id$ a\nb\n");
    }
  }
  expect_as_git_writes(tree);
}

TEST_F(BytesTest, AttributesFileMayItselfBeConverted) {
  expect_as_git_writes({{".gitattributes", file("* text eol=crlf\n")}, {"a", file("x\n")}});
}

TEST_F(BytesTest, AttributesThatAreNoFileMeanNothing) {
  expect_as_git_writes({{".gitattributes/x", file("* text eol=crlf\n")}, {"a", file("x\n")}});
  expect_as_git_writes({{"sub/.gitattributes", {"160000", std::string(40, 'd')}},
                        {"sub/a", file("x\n")},
                        {".gitattributes", file("* text eol=crlf\n")}});
}

TEST_F(BytesTest, AttributesOfTheCommitCountNotThoseOfAnother) {
  const Tree before{{".gitattributes", file("* text eol=crlf\n")}, {"a", file("x\n")}};
  const Tree after{{".gitattributes", file("* -text\n")}, {"a", file("x\n")}};
  expect_as_git_writes(before);
  expect_as_git_writes(after);
  EXPECT_EQ(must(read_file(path_ + "/a")), "x\n");
}

TEST_F(BytesTest, ConversionsDoNotTouchLinks) {
  expect_as_git_writes({{".gitattributes", file("* text eol=crlf ident\n")},
                        {"link", link("a\nb$Id$")},
                        {"file", file("a\nb\n")}});
}

TEST_F(BytesTest, AttributesWithSyntaxThatGitPassesOver) {
  expect_as_git_writes(
      {{".gitattributes",
        file("* text eol=crlf\n!a text\n[attr]\n[attr]x.y -text\n* [attr]\n"
             "a\n" +
             std::string(3000, 'x') + " -text\n* -te:xt\n\xff -text\n" + "*.txt -text")},
       {"a", file("x\n")},
       {"b.txt", file("x\n")}});
}

}  // namespace
}  // namespace freshet::checkout
