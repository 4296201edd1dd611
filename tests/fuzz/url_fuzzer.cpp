// How URLs are compared when a delivery names its repository. The first line of the input is a
// host, the second a path, the third any text.

#include <algorithm>
#include <cctype>

#include "base/url.h"
#include "fuzzing.h"

namespace freshet::fuzz {
namespace {

/// What is left of `text` when only `allowed` counts, as a host or path of a forge has it.
std::string only(std::string_view text, std::string_view allowed) {
  std::string found;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || allowed.find(c) != std::string_view::npos) {
      found += c;
    }
  }
  return found;
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

void check_forms(const std::string& host, const std::string& path) {
  const std::string expected = comparable_url("https://" + host + "/" + path);
  require(
      expected.empty() ||
          expected.starts_with(comparable_url("https://" + host + "/x").substr(0, host.size() + 1)),
      "it begins with the host");
  const std::string forms[] = {
      "http://" + host + "/" + path + ".git",
      "https://" + host + ":8443/" + path + "/",
      "ssh://git@" + host + ":22/" + path,
      "git@" + host + ":" + path + ".git",
      "https://me:word@" + host + "/scm/" + path,
      "git://" + upper(host) + "/" + upper(path) + ".git/",
      host + "/" + path,
  };
  for (const std::string& form : forms) {
    require(comparable_url(form) == expected, form.c_str());
  }
}

void check_any(std::string_view text) {
  const std::string compared = comparable_url(text);
  require(
      std::none_of(compared.begin(), compared.end(), [](char c) { return c >= 'A' && c <= 'Z'; }),
      "it is in lower case");
  require(compared.empty() || compared.back() != '/', "it ends with no slash");
  const auto url = UpstreamUrl::parse(text);
  if (url) {
    require(!url->path().empty(), "an upstream has a path");
    require((url->transport() == UpstreamUrl::Transport::file) == url->host().empty(),
            "an upstream has a host, or is local");
    require(UpstreamUrl::parse(url->text()).has_value(), "its text can be read again");
    require(comparable_url(url->text()) == compared, "its text is the same upstream");
  }
  const std::string redacted = redact_urls(text);
  require(redact_urls(redacted) == redacted, "what was redacted stays as it is");
  constexpr std::string_view kSecret = "s3cr3t-word";
  if (text.find(kSecret) == std::string_view::npos) {
    const std::string with_secret =
        redact_urls("see https://me:" + std::string(kSecret) + "@" + std::string(text));
    require(with_secret.find(kSecret) == std::string::npos, "no password is shown");
  }
}

}  // namespace
}  // namespace freshet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet::fuzz;
  Input input(data, size);
  const std::string host = "h" + only(input.line(), ".-");
  const std::string path = "p" + only(input.line(), "-_./") + "e";
  const bool plain = path.find("//") == std::string::npos && !path.starts_with("scm/");
  if (plain) {
    check_forms(host, path);
  }
  check_any(input.rest());
  return 0;
}
