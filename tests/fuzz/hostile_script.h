#pragma once

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hostile_objects.h"

/// A repository as lines say it, one line after the other. An object that a line makes is called a
/// from then on, and the one that was a is called b, and so forth.
///   "TEXT            a file's content; \n \0 \\ and \o (a path outside of the tree) are understood
///   MODE LETTER NAME an entry of the next tree; any other letter: an object that does not exist
///   t                the tree of these entries, s: the same in git's order
///   n COUNT          the last object within COUNT folders, w COUNT: so many times in one folder
///   =TYPE TEXT       an object of any content
///   c                a commit of the last object, or what is one already, is what comes next
namespace freshet::fuzz {

class Script {
 public:
  /// All must outlive it. `outside`: what \o stands for.
  Script(ObjectStore& store, std::string outside) : store_(store), outside_(std::move(outside)) {}

  /// False: the line is none of the above.
  bool line(std::string_view text) {
    const char what = text.empty() ? '\0' : text.front();
    const std::string_view rest = text.substr(text.empty() ? 0 : 1);
    if (what >= '0' && what <= '9') {
      add_entry(text);
    } else if (what == '"') {
      made(store_.add({"blob", unescaped(rest)}));
    } else if (what == 't' || what == 's') {
      add_tree(what == 's');
    } else if (what == 'n' || what == 'w') {
      multiply(what, rest);
    } else if (what == '=') {
      add_raw(rest);
    } else {
      return false;
    }
    return true;
  }

  /// `parent`: of a commit that has to be made.
  ObjectId commit(const std::optional<ObjectId>& parent) {
    const ObjectId last = object('a');
    const RawObject* found = store_.find(last);
    if (found != nullptr && found->type == "commit") {
      return last;
    }
    std::string text = "tree " + last.hex();
    if (parent) {
      text += "\nparent " + parent->hex();
    }
    made(store_.add({"commit", text.append(kUsualCommitEnd)}));
    return object('a');
  }

  ObjectId object(char letter) const {
    const std::size_t back = static_cast<unsigned char>(letter) - std::size_t{'a'};
    return letter >= 'a' && back < objects_.size()
               ? objects_[objects_.size() - 1 - back]
               : ObjectId::parse("deadbeefdeadbeefdeadbeefdeadbeefdeadbeef").value();
  }

  /// In the order in which they were made.
  const std::vector<ObjectId>& objects() const { return objects_; }

  /// The digits of a text, at most `most`.
  static std::size_t number(std::string_view text, std::size_t most) {
    std::size_t value = 0;
    for (const char c : text) {
      if (c >= '0' && c <= '9') {
        value = std::min(value * 10 + static_cast<std::size_t>(c - '0'), most);
      }
    }
    return value;
  }

 private:
  std::string unescaped(std::string_view text) const {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\\' || i + 1 == text.size()) {
        result += text[i];
        continue;
      }
      const char c = text[++i];
      if (c == 'o') {
        result += outside_;
      } else {
        result += c == 'n' ? '\n' : c == '0' ? '\0' : c;
      }
    }
    return result;
  }

  void made(const ObjectId& id) { objects_.push_back(id); }

  void add_entry(std::string_view text) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos || space + 2 >= text.size()) {
      return;
    }
    std::string name = unescaped(text.substr(std::min(space + 3, text.size())));
    name.erase(std::remove(name.begin(), name.end(), '\0'), name.end());
    entries_.push_back(tree_entry(text.substr(0, space), name, object(text[space + 1])));
  }

  /// git compares directories as if their names ended in a slash.
  static std::string sorting_key(const std::string& entry) {
    const std::size_t space = entry.find(' ');
    const std::string name = entry.substr(space + 1, entry.find('\0') - space - 1);
    return name + (entry.starts_with("40") || entry.starts_with("040") ? "/" : "");
  }

  void add_tree(bool sorted) {
    if (sorted) {
      std::stable_sort(entries_.begin(), entries_.end(),
                       [](const std::string& a, const std::string& b) {
                         return sorting_key(a) < sorting_key(b);
                       });
    }
    std::string content;
    for (const std::string& entry : entries_) {
      content += entry;
    }
    entries_.clear();
    made(store_.add({"tree", content}));
  }

  std::string mode_of(const ObjectId& id) const {
    const RawObject* found = store_.find(id);
    return found != nullptr && found->type == "tree" ? "40000" : "100644";
  }

  void multiply(char how, std::string_view rest) {
    const std::size_t count = number(rest, how == 'n' ? 120 : 600);
    if (how == 'n') {
      for (std::size_t i = 0; i < count; ++i) {
        const ObjectId id = object('a');
        made(store_.add({"tree", tree_entry(mode_of(id), "d", id)}));
      }
      return;
    }
    std::string content;
    for (std::size_t i = 0; i < count; ++i) {
      content += tree_entry(mode_of(object('a')), "f" + std::to_string(10000 + i), object('a'));
    }
    made(store_.add({"tree", content}));
  }

  void add_raw(std::string_view rest) {
    for (const char* type : {"commit", "tree", "blob", "tag"}) {
      if (rest.starts_with(type)) {
        made(store_.add(
            {type, unescaped(rest.substr(std::min(std::strlen(type) + 1, rest.size())))}));
        return;
      }
    }
  }

  ObjectStore& store_;
  const std::string outside_;
  std::vector<ObjectId> objects_;
  std::vector<std::string> entries_;
};

}  // namespace freshet::fuzz
