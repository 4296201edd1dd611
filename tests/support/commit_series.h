#pragma once

#include <algorithm>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "support/checkout_fixture.h"

namespace freshet::testing {

/// Trees made at random, each of the one before by a few changes: every kind of entry becomes every
/// other, names collide and differ in case only, attributes come and go.
class TreeMaker {
 public:
  TreeMaker(unsigned seed, std::string outside) : random_(seed), outside_(std::move(outside)) {}

  /// The next tree of the series.
  const Tree& next() {
    if (one_of(20) == 0) {
      tree_.clear();
    }
    if (one_of(15) == 0 && !earlier_.empty()) {
      tree_ = earlier_[one_of(earlier_.size())];
    }
    for (std::size_t changes = 1 + one_of(12); changes > 0; --changes) {
      change();
    }
    earlier_.push_back(tree_);
    return tree_;
  }

 private:
  std::size_t one_of(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_);
  }
  std::string pick(const std::vector<std::string>& from) { return from[one_of(from.size())]; }

  std::string path() {
    static const std::vector<std::string> kNames{"a",   "A",         "b",        "b.c",   "b-",
                                                 "b0",  "new\nline", "\xff\xfe", "\"q\\", " ",
                                                 "-rf", "x y",       "e\xcc\x81"};
    std::string result = pick(kNames);
    for (std::size_t depth = one_of(one_of(10) == 0 ? 40 : 4); depth > 0; --depth) {
      result += "/" + pick(kNames);
    }
    return result;
  }

  std::string text() {
    static const std::vector<std::string> kLines{
        "line\n", "dos\r\n", "$Id$\n", "$Id: old $ \n", "", "end", std::string("\0nul", 4),
        "\xff\n", "cr\r"};
    std::string result;
    for (std::size_t lines = one_of(6); lines > 0; --lines) {
      result += pick(kLines);
    }
    return one_of(40) == 0 ? std::string(300'000, 'x') + result : result;
  }

  Entry entry() {
    switch (one_of(10)) {
      case 0:
        return {"160000", std::string(40, "abcd"[one_of(4)])};
      case 1:
      case 2:
        return {"120000",
                pick({"a", "..", "../..", outside_, outside_ + "/precious", "b/a", "/", ".git"})};
      case 3:
        return {"100755", text()};
      default:
        return {"100644", text()};
    }
  }

  void put(const std::string& path, Entry entry) {
    for (std::size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      tree_.erase(path.substr(0, slash));  // what was a file becomes a directory
    }
    remove_below(path);
    tree_[path] = std::move(entry);
  }

  void remove_below(const std::string& path) {
    for (auto it = tree_.lower_bound(path + "/");
         it != tree_.end() && it->first.starts_with(path + "/");) {
      it = tree_.erase(it);
    }
  }

  std::string existing() {
    auto it = tree_.begin();
    std::advance(it, one_of(tree_.size()));
    return it->first;
  }

  void change() {
    const std::size_t kind = tree_.empty() ? 0 : one_of(12);
    if (kind < 6) {
      put(path(), entry());
    } else if (kind == 6) {
      tree_.erase(existing());
    } else if (kind == 7) {  // a whole directory
      const std::string path = existing();
      remove_below(path.substr(0, path.find('/')));
    } else if (kind == 8) {
      Entry& changed = tree_[existing()];
      if (changed.mode.starts_with("100")) {
        changed.mode = changed.mode == "100644" ? "100755" : "100644";
      }
    } else if (kind == 9) {
      const std::string path = existing();
      put(path, entry());
    } else {
      std::string path = existing();
      path.erase(path.find('/') == std::string::npos ? 0 : path.rfind('/') + 1);
      put(path + ".gitattributes",
          file(pick({"* text eol=crlf\n", "* -text\n", "* ident\n",
                     "* text=auto eol=crlf\na ident\n", "[attr]dos text eol=crlf\nb* dos\n",
                     "a/** ident\n", "* dos\n", "", "A eol=crlf\n"})));
    }
  }

  std::mt19937 random_;
  const std::string outside_;
  Tree tree_;
  std::vector<Tree> earlier_;
};

/// As git's fast import wants a path.
inline std::string quoted(const std::string& path) {
  constexpr std::string_view kDigits = "01234567";
  std::string result = "\"";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    result += {'\\', kDigits[byte >> 6U], kDigits[(byte >> 3U) & 7U], kDigits[byte & 7U]};
  }
  return result + "\"";
}

/// One commit for each tree, made by a single process.
inline std::vector<ObjectId> import_commits(const GitRepository& repository,
                                            const std::vector<Tree>& trees) {
  const std::string marks = repository.path() + "/.git/marks";
  std::string stream;
  for (std::size_t i = 0; i < trees.size(); ++i) {
    stream += "commit refs/heads/main\nmark :" + std::to_string(i + 1) +
              "\ncommitter Ann <ann@example.org> 1700000000 +0000\ndata 6\nchange\ndeleteall\n";
    for (const auto& [path, entry] : trees[i]) {
      if (entry.mode == "160000") {
        stream += "M 160000 " + entry.content + " " + quoted(path) + "\n";
      } else {
        stream += "M " + entry.mode + " inline " + quoted(path) + "\ndata " +
                  std::to_string(entry.content.size()) + "\n" + entry.content + "\n";
      }
    }
  }
  repository.git({"fast-import", "--quiet", "--force", "--export-marks=" + marks}, stream);
  std::vector<ObjectId> commits(trees.size());
  std::istringstream lines(must(read_file(marks)));
  std::string mark;
  std::string id;
  while (lines >> mark >> id) {
    commits.at(std::stoul(mark.substr(1)) - 1) = ObjectId::parse(id).value();
  }
  return commits;
}

}  // namespace freshet::testing
