#include "state/changes.h"

#include <gtest/gtest.h>

namespace freshet::state {
namespace {

RepositoryName name(const std::string& text) {
  return RepositoryName(text);
}

DeliveryEntry delivery(const std::string& id, bool authentic = true) {
  DeliveryEntry entry;
  entry.id = id;
  entry.authentic = authentic;
  entry.content = [] { return std::string("large"); };
  return entry;
}

std::string text_of(const Changes::Change& change) {
  if (const auto* repository = std::get_if<RepositoryName>(&change.what)) {
    return repository->text();
  }
  return std::get<1>(change.what)->id;
}

std::vector<std::string> since(const Changes& changes, std::uint64_t number,
                               std::size_t most = 10'000) {
  std::vector<std::string> texts;
  for (const Changes::Change& change : changes.since(number, most)) {
    texts.push_back(text_of(change));
  }
  return texts;
}

using Texts = std::vector<std::string>;

TEST(Changes, tells_each_repository_once_where_it_changed_last) {
  Changes changes;
  for (const char* one : {"a", "b", "a", "c", "b"}) {
    changes.touched(name(one));
  }
  EXPECT_EQ(since(changes, 0), (Texts{"a", "c", "b"}));
  EXPECT_EQ(changes.last(), 5U);
}

TEST(Changes, tells_a_reader_what_came_after_what_it_has_seen_in_pieces_of_any_size) {
  Changes changes;
  for (const char* one : {"a", "1", "b", "2", "3", "c", "d", "4", "a"}) {
    if (*one < 'a') {
      changes.delivered(delivery(one));
    } else {
      changes.touched(name(one));
    }
  }
  for (std::size_t size = 1; size <= 9; ++size) {
    Texts seen;
    for (std::uint64_t number = 0;;) {
      const auto piece = changes.since(number, size);
      if (piece.empty()) {
        break;
      }
      EXPECT_LE(piece.size(), size);
      number = piece.back().number;
      for (const auto& change : piece) {
        seen.push_back(text_of(change));
      }
    }
    EXPECT_EQ(seen, (Texts{"1", "b", "2", "3", "c", "d", "4", "a"}));
  }
  EXPECT_TRUE(since(changes, changes.last()).empty());
}

TEST(Changes, stay_as_many_as_there_are_repositories_however_often_these_change) {
  Changes changes;
  for (int i = 0; i < 10'000; ++i) {
    changes.touched(name(std::to_string(i % 10)));
  }
  EXPECT_EQ(since(changes, 0).size(), 10U);
  EXPECT_TRUE(changes.reaches_back_to(0));
}

TEST(Changes, keep_the_last_deliveries_without_what_they_say) {
  Changes changes;
  const std::size_t sent = Changes::kDeliveries + 10;
  for (std::size_t i = 0; i < sent; ++i) {
    changes.delivered(delivery(std::to_string(i)));
  }
  const auto kept = changes.since(0, 10'000);
  ASSERT_EQ(kept.size(), Changes::kDeliveries);
  EXPECT_EQ(text_of(kept.back()), std::to_string(sent - 1));
  EXPECT_FALSE(std::get<1>(kept.back().what)->content);
}

TEST(Changes, are_not_flooded_by_refused_deliveries_which_anybody_can_send) {
  Changes changes;
  changes.delivered(delivery("authentic"));
  for (int i = 0; i < 10'000; ++i) {
    changes.delivered(delivery("refused", false));
  }
  EXPECT_EQ(since(changes, 0).front(), "authentic");
  EXPECT_LE(since(changes, 0).size(), 1U + RefusalGate::kBurst);
}

TEST(Changes, tell_of_a_removed_repository_until_it_comes_back) {
  Changes changes;
  changes.touched(name("a"));
  changes.removed(name("a"));
  EXPECT_EQ(since(changes, 1), (Texts{"a"}));
  changes.touched(name("a"));
  EXPECT_EQ(since(changes, 2), (Texts{"a"}));
  EXPECT_EQ(since(changes, 0).size(), 1U);
}

TEST(Changes, forget_the_oldest_removed_ones_and_say_whom_that_concerns) {
  Changes changes;
  changes.touched(name("stays"));
  for (std::size_t i = 0; i <= Changes::kRemoved; ++i) {
    changes.removed(name(std::to_string(i)));
  }
  EXPECT_EQ(since(changes, 0).size(), 1 + Changes::kRemoved);
  EXPECT_FALSE(changes.reaches_back_to(1));
  EXPECT_TRUE(changes.reaches_back_to(2));  // has seen that one go
}

TEST(Changes, do_not_forget_a_repository_that_came_back) {
  Changes changes;
  changes.removed(name("returns"));
  changes.touched(name("returns"));
  for (std::size_t i = 0; i <= Changes::kRemoved; ++i) {
    changes.removed(name(std::to_string(i)));
  }
  EXPECT_EQ(since(changes, 0).front(), "returns");
}

TEST(Changes, know_numbers_that_were_never_given) {
  Changes changes;
  changes.touched(name("a"));
  EXPECT_TRUE(changes.reaches_back_to(1));
  EXPECT_FALSE(changes.reaches_back_to(2));
}

}  // namespace
}  // namespace freshet::state
