// What git prints, which is at times what an upstream told it: a list of refs, progress, and why it
// failed. The whole input is each of them.
//
// - Refs are those that were asked for and that git would take; what is left out changes nothing.
// - An error is one line for people without control characters or credentials.

#include <algorithm>

#include "base/url.h"
#include "fuzzing.h"
#include "remote/git_errors.h"
#include "remote/git_output.h"

namespace freshet::fuzz {
namespace {

using remote::RefPattern;

void check_listing(std::string_view text) {
  const std::vector<RefPattern> patterns{{"HEAD"}, {"refs/heads/*"}, {"refs/tags/v1"}};
  const auto answer = remote::parse_ref_listing(text, patterns);
  if (!answer) {
    require(answer.error().error_class == ErrorClass::protocol, "another form is named so");
    return;
  }
  std::string again;
  if (answer->default_branch) {
    require(is_valid_ref(answer->default_branch->text()), "the default branch is a ref");
    again += "ref: " + answer->default_branch->text() + "\tHEAD\n";
  }
  if (answer->head) {
    again += answer->head->hex() + "\tHEAD\n";
  }
  for (const auto& [ref, id] : answer->refs) {
    require(is_valid_ref(ref.text()) && ref.text() != "HEAD", "a ref is one that git takes");
    require(std::any_of(patterns.begin(), patterns.end(),
                        [&ref = ref](const RefPattern& pattern) { return pattern.matches(ref); }),
            "a ref was asked for");
    again += id.hex() + "\t" + ref.text() + "\n";
  }
  require(remote::parse_ref_listing(again, patterns) == *answer, "printed again it is the same");
}

void check_local_refs(std::string_view text) {
  std::string again;
  const auto refs = remote::parse_local_refs(text);
  for (const auto& [name, id] : refs) {
    require(name.find('\n') == std::string::npos, "a name is of one line");
    again += id.hex() + " " + name + "\n";
  }
  require(remote::parse_local_refs(again) == refs, "printed again they are the same");
}

Error explain(std::string_view text) {
  ChildResult result;
  result.end = ChildResult::End::exited;
  result.status = 128;
  result.error_text = text;
  return remote::explain_git_failure(result);
}

void check_failure(std::string_view text) {
  const Error error = explain(text);
  require(!error.message.empty() && error.message.size() < 1000, "an error is a short text");
  require(std::none_of(error.message.begin(), error.message.end(),
                       [](unsigned char c) { return c < ' ' || c == 0x7f; }),
          "an error is one line without control characters");
  require(redact_urls(error.message) == error.message, "an error shows no credential");
  constexpr std::string_view kSecret = "s3cr3t-word";
  const std::string with_secret =
      std::string(text) + "https://me:" + std::string(kSecret) + "@git.example.com/docs";
  require(text.find(kSecret.substr(0, 4)) != std::string_view::npos ||
              explain(with_secret).message.find(kSecret.substr(0, 4)) == std::string::npos,
          "nor a part of one");
}

}  // namespace
}  // namespace freshet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet::fuzz;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_listing(text);
  check_local_refs(text);
  static_cast<void>(freshet::remote::parse_progress(text));
  check_failure(text);
  return 0;
}
