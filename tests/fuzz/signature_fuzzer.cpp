// What each forge makes of the headers that say who sent a delivery. The first byte of the input
// chooses the forge, the next the time; then come header lines up to an empty one, then the body.
// In a value
// "$DIGEST0" stands for the right HMAC under the first secret in hexadecimal, "$STANDARD1" for what
// Standard Webhooks signs under the second, "$SECRET2" for the third secret itself: nobody can find
// these by chance.

#include <array>
#include <charconv>

#include "base/base64.h"
#include "base/hmac.h"
#include "fuzzing.h"
#include "webhook/forge.h"

namespace freshet::fuzz {
namespace {

using Clock = std::chrono::system_clock;

/// 32 bytes of key behind the prefix of Standard Webhooks.
const std::string kSigningSecret = "whsec_" + to_base64(std::string(32, 'k'));
const std::array<std::string, 4> kTexts{"the old secret of the general route", "the new one",
                                        kSigningSecret, ""};

std::vector<Secret> secrets_of(const std::vector<std::string>& texts) {
  std::vector<Secret> secrets;
  for (const std::string& text : texts) {
    secrets.emplace_back(text);
  }
  return secrets;
}

void replace_all(std::string& text, std::string_view what, const std::string& with) {
  // The result stays below what a head can hold.
  for (std::size_t at = text.find(what); at != std::string::npos && text.size() < 65536;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

std::string standard_signature(const std::string& secret, const http::Headers& headers,
                               std::string_view body) {
  std::string signed_text(headers.find("webhook-id").value_or(""));
  signed_text += "." + std::string(headers.find("webhook-timestamp").value_or("")) + ".";
  signed_text += body;
  const std::string key = secret == kSigningSecret ? std::string(32, 'k') : secret;
  const Sha256 mac = hmac_sha256(key.empty() ? "-" : key, signed_text);
  return to_base64({reinterpret_cast<const char*>(mac.data()), mac.size()});
}

std::string filled_in(std::string value, const http::Headers& headers, std::string_view body) {
  for (std::size_t i = 0; i < kTexts.size() && value.find('$') != std::string::npos; ++i) {
    const std::string number = std::to_string(i);
    replace_all(value, "$DIGEST" + number,
                to_hex(hmac_sha256(kTexts[i].empty() ? "-" : kTexts[i], body)));
    replace_all(value, "$STANDARD" + number, standard_signature(kTexts[i], headers, body));
    replace_all(value, "$SECRET" + number, kTexts[i]);
  }
  return value;
}

/// The position of the secret whose proof stands in some header; it must be there for a check to
/// pass.
bool is_proven(std::size_t position, const http::Headers& headers, std::string_view body) {
  const std::string& secret = kTexts[position];
  const std::string digest = to_hex(hmac_sha256(secret, body));
  const std::string standard = standard_signature(secret, headers, body);
  for (const auto& [name, value] : headers.all()) {
    std::string lower = value;
    for (char& c : lower) {
      c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }
    if (lower.find(digest) != std::string::npos || value.find(standard) != std::string::npos ||
        value == secret) {
      return true;
    }
  }
  return false;
}

std::optional<std::size_t> check(const webhook::Forge& forge, const http::Headers& headers,
                                 const std::vector<Secret>& secrets, WallTime at,
                                 std::string_view body, std::size_t piece) {
  const auto check = forge.begin_check(headers, secrets, at);
  require(check != nullptr, "there always is a check");
  while (!body.empty()) {
    const std::string_view part = body.substr(0, piece);
    check->update(part);
    body.remove_prefix(part.size());
  }
  return check->finish();
}

}  // namespace
}  // namespace freshet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet;
  using namespace freshet::fuzz;
  static const std::vector<const webhook::Forge*> forges = webhook::all_forges();
  static const std::vector<Secret> ours = secrets_of({kTexts.begin(), kTexts.end()});
  static const std::vector<Secret> others = secrets_of({"somebody else's", ""});
  Input input(data, size);
  const webhook::Forge& forge = *forges[input.choice(forges.size())];
  // 1700000000 is the time in the seeds; 'a' is that moment, each letter on is 100 s later.
  const WallTime at{std::chrono::seconds(1'700'000'000 + 100 * input.choice(8))};
  input.line();
  std::vector<std::pair<std::string, std::string>> lines;
  for (std::string_view line = input.line(); !line.empty() && lines.size() < 20;
       line = input.line()) {
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::size_t value = std::min(line.find_first_not_of(' ', colon + 1), line.size());
    lines.emplace_back(line.substr(0, colon), line.substr(value));
  }
  const std::string_view body = input.rest();
  http::Headers plain;
  for (const auto& [name, value] : lines) {
    plain.add(name, value);
  }
  http::Headers headers;
  bool clear_text = false;
  for (const auto& [name, value] : lines) {
    headers.add(name, filled_in(value, plain, body));
    for (const std::string& secret : kTexts) {
      clear_text = clear_text || (!secret.empty() && headers.all().back().second == secret);
    }
  }

  const auto signer = check(forge, headers, ours, at, body, body.size() + 1);
  require(signer == check(forge, headers, ours, at, body, 1 + body.size() / 3),
          "it does not matter in which pieces the body comes");
  require(!signer || (*signer < kTexts.size() && !kTexts[*signer].empty()),
          "only a secret that is there signs");
  require(!signer || is_proven(*signer, headers, body), "nothing passes without the right digest");
  require(!check(forge, headers, others, at, body, body.size() + 1), "nobody else's secret counts");
  require(!check(forge, headers, {}, at, body, body.size() + 1), "without a secret nothing passes");
  const std::string other_body = std::string(body) + " ";
  require(clear_text || !check(forge, headers, ours, at, other_body, other_body.size()),
          "nothing passes with another body");
  webhook::event_of(forge, headers);
  if (const auto id = webhook::delivery_id_of(forge, headers)) {
    require(!id->empty() && id->size() <= 128, "an id is short");
  }
  return 0;
}
