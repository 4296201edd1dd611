#include "base/git_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/git_fixture.h"

namespace freshet {
namespace {

using freshet::testing::must;
using freshet::testing::TemporaryDirectory;
using ::testing::Contains;
using ::testing::Not;
using ::testing::StartsWith;

TEST(GitEnvironment, TakesVariablesOfOneUpstreamInPlaceOfItsOwn) {
  const TemporaryDirectory directory;
  const GitEnvironment environment = must(GitEnvironment::prepare(directory.path()));
  const auto variables = environment.variables_with({"GIT_SSH_COMMAND=ssh -v", "GIT_SSH=x"});
  EXPECT_THAT(variables, Contains("GIT_SSH_COMMAND=ssh -v"));
  EXPECT_THAT(variables, Contains(StartsWith("GIT_SSH_COMMAND=")).Times(1));
  EXPECT_THAT(variables, Contains("GIT_SSH=x"));
  EXPECT_EQ(variables.size(), environment.variables().size() + 1);
  EXPECT_THAT(environment.variables(), Not(Contains("GIT_SSH_COMMAND=ssh -v")));
  EXPECT_EQ(environment.variables_with({}), environment.variables());
}

}  // namespace
}  // namespace freshet
