#pragma once

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/describe.h"
#include "config/diagnostic.h"
#include "config/node.h"
#include "config/readers.h"
#include "config/suggest.h"

/// The rows that the table of settings is made of. A row knows everything about one setting; the
/// parser, the search for unknown keys and the descriptions only walk over rows.
namespace freshet::config {

enum class Presence { optional, required };
/// No built-in default: the empty value stands, or a check computes one.
inline constexpr Presence kNone = Presence::optional;
inline constexpr Presence kRequired = Presence::required;

/// What holds when a setting is not in the file: a built-in default, or one of the above.
struct Fallback {
  template <class T>
  Fallback(T literal) : value(Node(literal)) {}      // NOLINT: rows read as literals
  Fallback(Node node) : value(std::move(node)) {}    // NOLINT
  Fallback(Presence without) : presence(without) {}  // NOLINT

  std::optional<Node> value;
  Presence presence = Presence::optional;
};

inline Node empty_list() {
  Node list;
  list.kind = Node::Kind::array;
  return list;
}

/// The tables under a key that may be repeated. A single [key] is taken as one of them.
std::vector<const Node*> tables_of(const Node* node);
/// Reports a value that is not a table, or not [[tables]].
bool is_table(const Node& node, const Report& report);
bool are_tables(const Node& node, const Report& report);

template <class S>
class Section;
template <class S>
using SectionOf = const Section<S>& (*)();

/// The row of one setting of the struct S. Members of S's bases are members of S.
template <class S>
class Setting {
 public:
  /// A value.
  template <class Owner, class T>
  Setting(std::string_view key, T Owner::*member, Reader<T> reader, Fallback fallback,
          std::string_view description);
  /// [key], at most once.
  template <class Owner, class Sub>
  Setting(std::string_view key, Sub Owner::*member, SectionOf<Sub> section,
          std::string_view description);
  /// The same, which can be absent.
  template <class Owner, class Sub>
  Setting(std::string_view key, std::optional<Sub> Owner::*member, SectionOf<Sub> section,
          std::string_view description);
  /// [[key]], any number of times; each begins as `start` says, else with its built-in defaults.
  template <class Owner, class Sub>
  Setting(std::string_view key, std::vector<Sub> Owner::*member, SectionOf<Sub> section,
          std::string_view description, std::function<Sub(const S&)> start = {});

  const std::string& key() const { return info_.key; }
  void read(const Node& table, S& object, const Report& report) const;
  void set_default(S& object) const {
    if (set_default_) {
      set_default_(object);
    }
  }
  void describe(const std::string& section, const std::string& header,
                std::vector<SettingInfo>& into) const;

 private:
  template <class Sub>
  void describe_with(SectionOf<Sub> section, bool repeated);

  SettingInfo info_;
  std::function<void(S&, const Node&, const Report&)> read_;
  std::function<void(S&)> set_default_;
  std::function<void(const std::string& section, std::vector<SettingInfo>&)>
      describe_below_;  ///< of a table
};

/// The settings of one table of the file.
template <class S>
class Section {
 public:
  /// Sees and completes a whole table once it is read, for what no single value can tell.
  using Check = std::function<void(S&, const Node& table, const Report&)>;
  explicit Section(std::vector<Setting<S>> settings, Check check = {})
      : settings_(std::move(settings)), check_(std::move(check)) {}

  /// Reads what the table holds over `object`, in the order of the rows: a row may rely on those
  /// above it, wherever they stand in the file.
  void read(const Node& table, S& object, const Report& report) const {
    std::vector<std::string_view> known;
    for (const Setting<S>& setting : settings_) {
      known.push_back(setting.key());
    }
    report_unknown_keys(table, known, report);
    for (const Setting<S>& setting : settings_) {
      setting.read(table, object, report.below(setting.key()));
    }
    if (check_) {
      check_(object, table, report);
    }
  }

  /// An object with every built-in default.
  S defaults() const {
    S object;
    for (const Setting<S>& setting : settings_) {
      setting.set_default(object);
    }
    return object;
  }

  void describe(const std::string& section, const std::string& header,
                std::vector<SettingInfo>& into) const {
    for (const Setting<S>& setting : settings_) {
      setting.describe(section, header, into);
    }
  }

 private:
  std::vector<Setting<S>> settings_;
  Check check_;
};

template <class S>
template <class Owner, class T>
Setting<S>::Setting(std::string_view key, T Owner::*member, Reader<T> reader, Fallback fallback,
                    std::string_view description) {
  info_.key = key;
  info_.kind = reader.kind;
  info_.expected = reader.expected;
  info_.description = description;
  info_.required = fallback.presence == kRequired;
  read_ = [=](S& object, const Node& node, const Report& report) {
    if (auto value = reader.read(node, report)) {
      object.*member = std::move(*value);
    }
  };
  if (!fallback.value) {
    return;
  }
  info_.default_text = to_toml(*fallback.value);
  Problems problems("built-in default");
  const auto value = reader.read(*fallback.value, Report(problems, info_.key));
  if (!value) {
    throw std::logic_error("refused: " + to_text(problems.take().front()));
  }
  set_default_ = [member, value = *value](S& object) { object.*member = value; };
}

template <class S>
template <class Owner, class Sub>
Setting<S>::Setting(std::string_view key, Sub Owner::*member, SectionOf<Sub> section,
                    std::string_view description) {
  info_.key = key;
  info_.description = description;
  read_ = [=](S& object, const Node& node, const Report& report) {
    if (is_table(node, report)) {
      section().read(node, object.*member, report);
    }
  };
  set_default_ = [=](S& object) { object.*member = section().defaults(); };
  describe_with(section, false);
}

template <class S>
template <class Owner, class Sub>
Setting<S>::Setting(std::string_view key, std::optional<Sub> Owner::*member, SectionOf<Sub> section,
                    std::string_view description) {
  info_.key = key;
  info_.description = description;
  read_ = [=](S& object, const Node& node, const Report& report) {
    if (is_table(node, report)) {
      object.*member = section().defaults();
      section().read(node, *(object.*member), report);
    }
  };
  describe_with(section, false);
}

template <class S>
template <class Owner, class Sub>
Setting<S>::Setting(std::string_view key, std::vector<Sub> Owner::*member, SectionOf<Sub> section,
                    std::string_view description, std::function<Sub(const S&)> start) {
  info_.key = key;
  info_.description = description;
  read_ = [=](S& object, const Node& node, const Report& report) {
    (object.*member).clear();  // a list of [defaults] is replaced, not continued
    if (are_tables(node, report)) {
      for (const Node* table : tables_of(&node)) {
        Sub sub = start ? start(object) : section().defaults();
        section().read(*table, sub, report);
        (object.*member).push_back(std::move(sub));
      }
    }
  };
  describe_with(section, true);
}

template <class S>
void Setting<S>::read(const Node& table, S& object, const Report& report) const {
  const Node* node = table.find(info_.key);
  if (node == nullptr) {
    if (info_.required) {
      report.error(table.at, "missing; expected " + info_.expected);
    }
    return;
  }
  read_(object, *node, report);
}

template <class S>
void Setting<S>::describe(const std::string& section, const std::string& header,
                          std::vector<SettingInfo>& into) const {
  SettingInfo info = info_;
  info.section = section;
  info.header = header;
  into.push_back(info);
  if (describe_below_) {
    describe_below_(section.empty() ? info.key : section + "." + info.key, into);
  }
}

template <class S>
template <class Sub>
void Setting<S>::describe_with(SectionOf<Sub> section, bool repeated) {
  info_.kind = repeated ? "list of tables" : "table";
  describe_below_ = [=](const std::string& name, std::vector<SettingInfo>& into) {
    section().describe(name, repeated ? "[[" + name + "]]" : "[" + name + "]", into);
  };
}

}  // namespace freshet::config
