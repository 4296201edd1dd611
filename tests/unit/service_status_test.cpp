#include "service/status.h"

#include <gtest/gtest.h>

namespace freshet::service {
namespace {

state::RepositoryState named(const std::string& name) {
  state::RepositoryState state;
  state.name = RepositoryName(name);
  return state;
}

state::RepositoryState fine(const std::string& name) {
  state::RepositoryState state = named(name);
  state.last_success = from_unix_millis(1);
  return state;
}

state::RepositoryState failing(const std::string& name, ErrorClass error_class) {
  state::RepositoryState state = fine(name);
  state.failure = state::Failure{{error_class, "no", std::nullopt}, from_unix_millis(2), 1};
  return state;
}

std::string status_of(const std::vector<state::RepositoryState>& states) {
  state::Store::Snapshot snapshot;
  for (const state::RepositoryState& state : states) {
    snapshot.push_back(std::make_shared<const state::RepositoryState>(state));
  }
  return status_line(snapshot);
}

TEST(TheServicesStatus, CountsStatesAndNamesWhatFails) {
  EXPECT_EQ(status_of({}), "0 repositories");
  EXPECT_EQ(status_of({fine("docs")}), "1 repository: 1 ok");
  EXPECT_EQ(status_of({named("new"), fine("site"), failing("docs", ErrorClass::auth)}),
            "3 repositories: 1 ok, 1 pending, 1 failing (docs: auth)");
}

TEST(TheServicesStatus, NamesOnlyAFewOfMany) {
  std::vector<state::RepositoryState> states;
  for (const std::string name : {"a", "b", "c", "d", "e"}) {
    states.push_back(failing(name, ErrorClass::network));
  }
  EXPECT_EQ(status_of(states),
            "5 repositories: 5 failing (a: network, b: network, c: network and 2 more)");
}

TEST(TheServicesStatus, NamesWhatAPersonHasToAgreeTo) {
  state::RepositoryState held = failing("docs", ErrorClass::conflict);
  held.held = true;
  EXPECT_EQ(status_of({held}), "1 repository: 1 held (docs)");
}

TEST(TheServicesStatus, IsOneLineWhateverANameHolds) {
  EXPECT_EQ(status_of({failing("a\nREADY=1", ErrorClass::auth)}),
            "1 repository: 1 failing (a\\x0aREADY=1: auth)");
}

}  // namespace
}  // namespace freshet::service
