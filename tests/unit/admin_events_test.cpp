#include "admin/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace freshet::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class EventsTest : public ::testing::Test {
 protected:
  std::shared_ptr<http::AnswerStream> open() { return events_.open({}).stream; }

  void add_and_remove(std::size_t repositories) {
    for (std::size_t i = 0; i < repositories; ++i) {
      const RepositoryName name("r" + std::to_string(i));
      RepositoryAdded added;
      added.repository = name;
      store_.report(added);
      store_.report(RepositoryRemoved{name});
    }
  }

  /// What is told until there is nothing more at once.
  static std::string told(http::AnswerStream& stream) {
    std::string text;
    for (;;) {
      const auto piece = stream.next();
      text += piece ? piece->bytes : "(the end)";
      if (!piece || !piece->more) {
        return text;
      }
    }
  }

  state::Store store_;
  Events events_{store_,
                 [](const auto& state) {
                   return std::make_shared<const std::string>('"' + state->name.text() + '"');
                 },
                 "1"};
};

TEST_F(EventsTest, TellAReaderThatIsSlowOfEachRepositoryThatIsGone) {
  const auto stream = open();
  told(*stream);
  add_and_remove(state::Changes::kRemoved);
  const std::string text = told(*stream);
  EXPECT_THAT(text, HasSubstr("event: removed\ndata: {\"name\":\"r0\"}\n"));
  EXPECT_THAT(text, HasSubstr("event: removed\ndata: {\"name\":\"r1023\"}\n"));
  EXPECT_THAT(text, Not(HasSubstr("event: reset")));
}

TEST_F(EventsTest, TellAReaderToReadAnewWhenMoreAreGoneThanIsKept) {
  const auto stream = open();
  told(*stream);
  add_and_remove(state::Changes::kRemoved + 1);
  const std::string text = told(*stream);
  EXPECT_THAT(text, HasSubstr("event: reset\ndata: {}\n"));
  EXPECT_THAT(text, Not(HasSubstr("event: removed")));
  add_and_remove(1);
  EXPECT_THAT(told(*stream), HasSubstr("event: removed\ndata: {\"name\":\"r0\"}\n"));
}

}  // namespace
}  // namespace freshet::admin
