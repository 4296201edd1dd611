#include "checkout/unsupported.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace freshet::checkout {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Unsupported, LfsAndEncodingsAreFoundInAttributes) {
  EXPECT_THAT(unsupported_attributes("*.psd filter=lfs diff=lfs merge=lfs -text\n"),
              ElementsAre(HasSubstr("LFS")));
  EXPECT_THAT(unsupported_attributes("# *.psd filter=lfs\n*.txt text\n\t*.ps1 text "
                                     "working-tree-encoding=UTF-16LE eol=crlf\r\n"),
              ElementsAre(HasSubstr("working-tree-encoding")));
  EXPECT_THAT(unsupported_attributes("*.c text\nfilter=lfs -text\n*.h -filter=lfs"), IsEmpty());
}

TEST(Unsupported, SubmodulesAreFoundByTheirPaths) {
  EXPECT_THAT(submodule_paths("[submodule \"a\"]\n\tpath = lib/a\n\turl = https://example.org/a\n"
                              "[submodule \"b\"]\n  path=\"lib b\"\n; path = none\n\tpath =\n"),
              ElementsAre("lib/a", "lib b"));
  EXPECT_THAT(submodule_paths(""), IsEmpty());
}

}  // namespace
}  // namespace freshet::checkout
