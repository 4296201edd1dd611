#include "notify/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace freshet::notify {
namespace {

struct Case {
  std::string pattern;
  std::string path;
  bool matches;
};

TEST(AGlob, MatchesWholePathsByTheirParts) {
  for (const Case& c : {
           Case{"conf/**", "conf/a", true},
           {"conf/**", "conf/sites/deep/a.conf", true},
           {"conf/**", "conf", false},
           {"conf/**", "other/conf/a", false},
           {"conf/**", "configuration/a", false},
           {"**", "a", true},
           {"**", "a/b/c", true},
           {"**/a", "a", true},
           {"**/a", "x/y/a", true},
           {"**/a", "x/a/y", false},
           {"a/**/b", "a/b", true},
           {"a/**/b", "a/x/y/b", true},
           {"a/**/b", "a/x/y/c", false},
           {"**/x/**/*.c", "m/x/n/o/p.c", true},
           {"**/x/**/*.c", "m/n/o/p.c", false},
           {"*.toml", "a.toml", true},
           {"*.toml", ".toml", true},
           {"*.toml", "deep/a.toml", false},
           {"*/*.toml", "deep/a.toml", true},
           {"a*b*c", "a-b-b-c", true},
           {"a*b*c", "a-b-b-d", false},
           {"file?", "file1", true},
           {"file?", "file", false},
           {"file?", "file10", false},
           {"a?b", "a/b", false},
           {"README", "README", true},
           {"README", "readme", false},
           {"a/b", "a", false},
           {"a", "a/b", false},
           {"a**b", "a--b", true},
           {"a**b", "a/b", false},
       }) {
    EXPECT_EQ(glob_matches(c.pattern, c.path), c.matches) << c.pattern << " " << c.path;
  }
}

}  // namespace
}  // namespace freshet::notify
