// config_reference --markdown | --man
// Writes the reference of every setting, made of the table of settings (src/config/table.cpp), on
// standard output. Ends with 1 when an example of it is no valid configuration.

#include <algorithm>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/describe.h"
#include "config/load.h"

namespace freshet {
namespace {

using config::SettingInfo;

struct Section {
  std::string header;  ///< "[server]"; empty: the top of the file
  std::string about;
  std::vector<SettingInfo> settings;  ///< its values; tables below it are sections of their own
};

bool is_table(const SettingInfo& setting) {
  return setting.kind == "table" || setting.kind == "list of tables";
}

/// In the order of the table. What [defaults] shares with [[repository]] is told once.
std::vector<Section> sections() {
  std::vector<Section> result{{"", "", {}}};
  std::map<std::string, std::size_t> places{{"", 0}};
  for (const SettingInfo& setting : config::all_settings()) {
    const std::string name =
        setting.section.empty() ? setting.key : setting.section + "." + setting.key;
    if (name.starts_with("defaults")) {
      continue;
    }
    if (is_table(setting)) {
      places[name] = result.size();
      const bool several = setting.kind == "list of tables";
      result.push_back({several ? "[[" + name + "]]" : "[" + name + "]", setting.description, {}});
    } else {
      result[places.at(setting.section)].settings.push_back(setting);
    }
  }
  return result;
}

/// By header. Each is a configuration of its own, and valid.
const std::map<std::string, std::string>& examples() {
  static const std::map<std::string, std::string> all{
      {"[server]",
       "[server]\n"
       "listen = \"0.0.0.0:8443\"\n"
       "tls_cert = \"/etc/freshet/cert.pem\"\n"
       "tls_key = \"credential:tls_key\"\n"
       "rate_limit = \"1000/min\"\n"},
      {"[admin]",
       "[admin]\n"
       "listen = \"unix:/run/freshet/admin.sock\"\n"
       "socket_mode = \"0660\"\n"},
      {"[webhook]",
       "[webhook]\n"
       "secret_files = [\"/etc/freshet/webhook.secret\"]\n"},
      {"[limits]",
       "[limits]\n"
       "refreshes = 16\n"
       "min_free_disk = \"5GiB\"\n"},
      {"[[credential]]",
       "[[credential]]\n"
       "match = \"https://github.com/acme/*\"\n"
       "token_file = \"/etc/freshet/token\"\n"
       "\n"
       "[[credential]]\n"
       "match = \"git@git.example.org:*\"\n"
       "ssh_key_file = \"/etc/freshet/id_ed25519\"\n"
       "known_hosts_file = \"/etc/freshet/known_hosts\"\n"},
      {"[credential.github_app]",
       "[[credential]]\n"
       "match = \"https://github.com/acme/*\"\n"
       "github_app = { app_id = 1, private_key_file = \"/etc/freshet/app.pem\" }\n"},
      {"[defaults]",
       "[defaults]\n"
       "interval = \"5m\"\n"
       "group = \"www-data\"\n"},
      {"[[repository]]",
       "[[repository]]\n"
       "name = \"docs\"\n"
       "url = \"https://github.com/acme/docs.git\"\n"
       "path = \"/srv/docs\"\n"
       "\n"
       "[[repository]]  # a mirror of all branches and tags, without a checkout\n"
       "url = \"git@git.example.org:acme/tools.git\"\n"
       "mirror = true\n"},
      {"[[repository.checkout]]",
       "[[repository]]\n"
       "url = \"https://github.com/acme/docs.git\"\n"
       "\n"
       "[[repository.checkout]]\n"
       "path = \"/srv/docs\"\n"
       "\n"
       "[[repository.checkout]]\n"
       "path = \"/srv/docs-stable\"\n"
       "ref = \"refs/tags/v1\"\n"},
      {"[[repository.gate]]",
       "[[repository]]\n"
       "url = \"https://github.com/acme/conf.git\"\n"
       "path = \"/srv/conf\"\n"
       "\n"
       "[[repository.gate]]\n"
       "run = [\"nginx\", \"-t\", \"-c\", \"conf/nginx.conf\"]\n"},
      {"[[repository.on_update]]",
       "[[repository]]\n"
       "url = \"https://github.com/acme/conf.git\"\n"
       "path = \"/srv/conf\"\n"
       "\n"
       "[[repository.on_update]]\n"
       "run = [\"systemctl\", \"reload\", \"nginx\"]\n"
       "paths = [\"conf/**\"]\n"
       "\n"
       "[[repository.on_update]]\n"
       "post = \"https://ci.example/hook\"\n"
       "secret_file = \"/etc/freshet/ci.secret\"\n"},
  };
  return all;
}

bool examples_are_valid() {
  bool valid = true;
  for (const auto& [header, text] : examples()) {
    for (const config::Diagnostic& problem : config::load_text(text, header).diagnostics) {
      std::cerr << to_text(problem) << "\n";
      valid = false;
    }
  }
  return valid;
}

/// Paragraphs before the settings; `code` stands in backquotes.
const std::vector<std::string> kIntroduction{
    "freshet reads one file in TOML, /etc/freshet/freshet.toml unless `--config FILE` names "
    "another. An unknown key, a wrong type or a value that is not allowed is an error, and all "
    "problems are reported at once: `freshet check` prints each with its place in the file, and "
    "`freshet check --online` tries every upstream with its credentials. A commented example with "
    "every setting is etc/freshet.toml.",
    "SIGHUP (`systemctl reload freshet`) takes a changed file over without losing a delivery or "
    "stopping a refresh; what [server] and [admin] listen at, their certificate's place, and "
    "state_dir change at a restart only. A file that is wrong leaves the old configuration in "
    "force.",
    "Durations are written \"30s\", \"5m\", \"1h30m\"; sizes \"64KiB\", \"26MiB\", \"1GiB\". A "
    "secret never stands in the file: settings that end with _file or _files name the files that "
    "hold them, by an absolute path or by \"credential:NAME\" for $CREDENTIALS_DIRECTORY/NAME, "
    "which is what systemd's LoadCredential= passes on. Such files are read again at each use, so "
    "that a new secret counts at once.",
};
constexpr const char* kDefaults =
    "Holds for every [[repository]] that does not say otherwise. It takes every setting of "
    "[[repository]], [[repository.gate]] (as [[defaults.gate]]) and [[repository.on_update]] (as "
    "[[defaults.on_update]]) but name, url, path and checkout. A list that a repository has of its "
    "own replaces that of [defaults].";

std::string value_of(const SettingInfo& setting) {
  std::string text = setting.expected;
  if (!text.empty()) {
    text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  }
  return text + ".";
}

std::string default_of(const SettingInfo& setting) {
  return setting.required ? "" : setting.default_text.empty() ? "none" : setting.default_text;
}

// Markdown

void print_example(const std::string& header) {
  if (const auto example = examples().find(header); example != examples().end()) {
    std::cout << "```toml\n" << example->second << "```\n\n";
  }
}

void print_markdown(const SettingInfo& setting) {
  std::cout << "### `" << setting.key << "`\n\n" << setting.description << "\n\n";
  std::cout << "* Value: " << value_of(setting) << "\n";
  std::cout << (setting.required ? "* Required.\n" : "* Default: ");
  if (!setting.required) {
    const bool none = setting.default_text.empty();
    std::cout << (none ? "none." : "`" + setting.default_text + "`.") << "\n";
  }
  std::cout << "\n";
}

void print_markdown() {
  std::cout << "<!-- Written by the target config_reference; change src/config/table.cpp or "
               "tools/config_reference.cpp. -->\n"
               "# Configuration\n\n";
  for (const std::string& paragraph : kIntroduction) {
    std::cout << paragraph << "\n\n";
  }
  std::string end;
  for (const Section& section : sections()) {
    if (section.header == "[[repository]]") {
      std::cout << "## `[defaults]`\n\n" << kDefaults << "\n\n";
      print_example("[defaults]");
    }
    std::cout << "## " << (section.header.empty() ? "Top of the file" : "`" + section.header + "`")
              << "\n\n";
    std::cout << section.about << (section.about.empty() ? "" : "\n\n");
    print_example(section.header);
    for (const SettingInfo& setting : section.settings) {
      print_markdown(setting);
    }
  }
  std::cout
      << "## See also\n\nThe manual pages freshet(1) and freshet(8); [webhooks](webhooks.md), "
         "[architecture](architecture.md).\n";
}

// Manual page

std::string escaped(std::string_view line) {
  std::string text = line.starts_with('.') || line.starts_with('\'') ? "\\&" : "";
  for (const char c : line) {
    text += c == '\\' ? "\\e" : c == '`' ? "" : std::string(1, c);
  }
  return text;
}

/// Each sentence on a line of its own, and no line too long, as the page's language wants it.
void print_man_text(std::string_view text) {
  constexpr std::size_t kLongest = 78;
  std::string line;
  const auto flush = [&] {
    if (!line.empty()) {
      std::cout << escaped(line) << "\n";
    }
    line.clear();
  };
  while (!text.empty()) {
    const std::size_t size = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, size);
    text.remove_prefix(std::min(size + 1, text.size()));
    if (!line.empty() && line.size() + 1 + word.size() > kLongest) {
      flush();
    }
    line += (line.empty() ? "" : " ") + std::string(word);
    if (word.ends_with('.') && !text.empty() && text.front() >= 'A' && text.front() <= 'Z') {
      flush();
    }
  }
  flush();
}

void print_man_example(const std::string& header) {
  const auto example = examples().find(header);
  if (example == examples().end()) {
    return;
  }
  std::cout << ".Bd -literal -offset indent\n";
  std::string_view text = example->second;
  while (!text.empty()) {
    const std::size_t size = text.find('\n');
    std::cout << escaped(text.substr(0, size)) << "\n";
    text.remove_prefix(size + 1);
  }
  std::cout << ".Ed\n";
}

void print_man(const SettingInfo& setting) {
  std::cout << ".It Ic " << setting.key << "\n";
  print_man_text(setting.description);
  print_man_text("Value: " + value_of(setting) +
                 (setting.required ? " Required." : " Default: " + default_of(setting) + "."));
}

void print_man() {
  std::cout << ".\\\" Written by the target config_reference.\n"
               ".Dd November 21, 2026\n"
               ".Dt FRESHET.TOML 5\n"
               ".Os\n"
               ".Sh NAME\n"
               ".Nm freshet.toml\n"
               ".Nd configuration of freshet\n"
               ".Sh DESCRIPTION\n";
  bool first = true;
  for (const std::string& paragraph : kIntroduction) {
    std::cout << (first ? "" : ".Pp\n");
    print_man_text(paragraph);
    first = false;
  }
  for (const Section& section : sections()) {
    if (section.header == "[[repository]]") {
      std::cout << ".Ss [defaults]\\&\n";
      print_man_text(kDefaults);
      print_man_example("[defaults]");
    }
    std::cout << ".Ss " << (section.header.empty() ? "Top of the file" : section.header + "\\&")
              << "\n";
    print_man_text(section.about);
    print_man_example(section.header);
    if (!section.settings.empty()) {
      std::cout << ".Bl -tag -width Ds\n";
      for (const SettingInfo& setting : section.settings) {
        print_man(setting);
      }
      std::cout << ".El\n";
    }
  }
  std::cout << ".Sh FILES\n"
               ".Bl -tag -width Ds\n"
               ".It Pa /etc/freshet/freshet.toml\n"
               "The configuration file unless another one is named.\n"
               ".El\n"
               ".Sh SEE ALSO\n"
               ".Xr freshet 1 ,\n"
               ".Xr freshet 8\n";
}

}  // namespace
}  // namespace freshet

int main(int argc, char** argv) {
  const std::string_view form = argc == 2 ? argv[1] : "";
  if (form == "--markdown") {
    freshet::print_markdown();
  } else if (form == "--man") {
    freshet::print_man();
  } else {
    std::cerr << "usage: config_reference --markdown | --man\n";
    return 2;
  }
  return freshet::examples_are_valid() ? 0 : 1;
}
