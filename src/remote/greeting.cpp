#include <algorithm>
#include <array>
#include <cctype>

#include "remote/printable.h"
#include "remote/protocol_v2.h"

namespace freshet::remote {
namespace {

constexpr std::string_view kService = "# service=git-upload-pack";

tl::unexpected<Error> not_git(std::string_view body) {
  return fail(ErrorClass::protocol, "the upstream's answer is none of a git repository: \"" +
                                        printable(body.substr(0, 1000)).substr(0, 60) + "\"");
}

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(' '), list.size());
    if (list.substr(0, end) == word) {
      return true;
    }
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

bool starts_with_id(std::string_view line, char behind) {
  return line.size() > 40 && line[40] == behind && ObjectId::parse(line.substr(0, 40));
}

/// "ID<tab>refs/...", the file info/refs of a server that knows nothing of git.
bool is_plain_list(std::string_view body) {
  return starts_with_id(body, '\t') && body.substr(41).starts_with("refs/");
}

struct Offer {
  Capabilities capabilities;
  bool ls_refs = false;
  bool fetch = false;
  bool other_format = false;
};

void take_capability(Offer& offer, std::string_view line) {
  const std::size_t equals = std::min(line.find('='), line.size());
  const std::string_view name = line.substr(0, equals);
  const std::string_view value = line.substr(std::min(equals + 1, line.size()));
  Capabilities& known = offer.capabilities;
  if (name == "agent") {
    known.agent = true;
  } else if (name == "object-format") {
    known.object_format = known.object_format || value == "sha1";
    offer.other_format = offer.other_format || value != "sha1";
  } else if (name == "ls-refs") {
    offer.ls_refs = true;
    known.unborn = has_word(value, "unborn");
  } else if (name == "fetch") {
    offer.fetch = true;
    known.shallow = has_word(value, "shallow");
    known.filter = has_word(value, "filter");
    known.wait_for_done = has_word(value, "wait-for-done");
  }
}

Result<Greeting> judge(const Offer& offer) {
  if (offer.other_format && !offer.capabilities.object_format) {
    return fail(ErrorClass::config,
                "the upstream names its objects by SHA-256, which freshet does not support");
  }
  if (!offer.ls_refs || !offer.fetch) {
    return fail(ErrorClass::protocol, "the upstream lets nobody list or fetch");
  }
  return Greeting{Greeting::Version::two, offer.capabilities};
}

struct Refusal {
  std::string_view text;  ///< in lower case
  ErrorClass error_class;
};
/// Never `corrupt` or `no_space`: what an upstream says is about its own disk.
constexpr std::array kRefusals{
    Refusal{"not our ref", ErrorClass::not_found},
    Refusal{"unadvertised object", ErrorClass::not_found},
    Refusal{"not found", ErrorClass::not_found},
    Refusal{"does not exist", ErrorClass::not_found},
    Refusal{"could not be found", ErrorClass::not_found},
    Refusal{"repository not exported", ErrorClass::not_found},
    Refusal{"no such repository", ErrorClass::not_found},
    Refusal{"too many requests", ErrorClass::rate_limited},
    Refusal{"rate limit", ErrorClass::rate_limited},
    Refusal{"denied", ErrorClass::auth},
    Refusal{"unauthorized", ErrorClass::auth},
    Refusal{"forbidden", ErrorClass::auth},
};

}  // namespace

Error explain_refusal(std::string_view text) {
  const std::string shown = printable(text);
  std::string folded = shown;
  std::transform(folded.begin(), folded.end(), folded.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  ErrorClass error_class = ErrorClass::protocol;
  for (const Refusal& refusal : kRefusals) {
    if (folded.find(refusal.text) != std::string::npos) {
      error_class = refusal.error_class;
      break;
    }
  }
  return {error_class, "the upstream says: " + (shown.empty() ? "nothing" : shown), std::nullopt};
}

Result<Greeting> parse_greeting(std::string_view body) {
  if (body.empty()) {
    return Greeting{};
  }
  if (is_plain_list(body)) {
    return Greeting{Greeting::Version::old, {}};
  }
  const std::string_view whole = body;
  PacketDecoder decoder;
  Offer offer;
  bool may_be_service = true;
  bool preamble_ended = false;
  bool is_two = false;
  for (;;) {
    const auto next = decoder.next(body);
    if (!next) {
      return is_two ? Result<Greeting>(fail(next.error())) : not_git(whole);
    }
    if (!*next && preamble_ended && !is_two && decoder.at_boundary()) {
      return Greeting{};  // an empty repository on a very old server, or one that was cut off
    }
    if (!*next) {
      return fail(ErrorClass::protocol, "the upstream's first answer is cut off");
    }
    const Packet& packet = **next;
    const std::string_view line = packet.line();
    if (is_two) {
      if (packet.kind != Packet::Kind::data) {
        return packet.kind == Packet::Kind::flush && body.empty() ? judge(offer) : not_git(whole);
      }
      take_capability(offer, line);
    } else if (packet.kind != Packet::Kind::data) {
      if (may_be_service || packet.kind != Packet::Kind::flush) {
        return not_git(whole);
      }
      preamble_ended = true;
    } else if (may_be_service && line == kService) {
      may_be_service = false;
    } else if (line == "version 2") {
      is_two = true;
    } else if (line == "version 1" || starts_with_id(line, ' ')) {
      return Greeting{Greeting::Version::old, {}};
    } else if (line.starts_with("ERR ")) {
      return fail(explain_refusal(line.substr(4)));
    } else {
      return not_git(whole);
    }
  }
}

}  // namespace freshet::remote
