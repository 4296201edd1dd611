#include <algorithm>

#include "remote/printable.h"
#include "remote/protocol_v2.h"

namespace freshet::remote {
namespace {

constexpr std::size_t kHexDigits = 40;
/// Nobody's history has that many ends.
constexpr std::size_t kMostListed = 200'000;

/// "WORD ID"; the id is added to `ids`.
Result<void> add_id(std::string_view line, std::size_t word, std::vector<ObjectId>& ids) {
  const std::string_view text = line.substr(std::min(word, line.size()));
  const auto id = ObjectId::parse(text);
  if (!id || text.size() != kHexDigits) {
    return odd_answer("an unknown line", line);
  }
  if (ids.size() >= kMostListed) {
    return fail(ErrorClass::protocol, "the upstream's answer has too many lines");
  }
  ids.push_back(*id);
  return {};
}

}  // namespace

Result<void> FetchReader::feed(std::string_view bytes) {
  for (;;) {
    FRESHET_TRY(const std::optional<Packet> packet, decoder_.next(bytes));
    if (!packet) {
      return {};
    }
    FRESHET_CHECK(take(*packet));
  }
}

Result<void> FetchReader::take(const Packet& packet) {
  if (section_ == Section::ended) {
    return fail(ErrorClass::protocol, "the upstream's answer goes on behind its end");
  }
  switch (packet.kind) {
    case Packet::Kind::data:
      if (section_ == Section::pack) {
        return take_band(packet.payload);
      }
      return section_ == Section::none ? begin_section(packet.line()) : take_line(packet.line());
    case Packet::Kind::delimiter:
      // Behind acknowledgments without "ready" no pack can follow.
      if (section_ == Section::shallow_info || section_ == Section::other ||
          (section_ == Section::acknowledgments && ready_)) {
        section_ = Section::none;
        return {};
      }
      break;
    case Packet::Kind::flush:
      if (section_ == Section::pack || (section_ == Section::acknowledgments && !ready_)) {
        section_ = Section::ended;
        return {};
      }
      break;
    case Packet::Kind::response_end:
      break;
  }
  return fail(ErrorClass::protocol, "the upstream's answer ends where it should go on");
}

Result<void> FetchReader::begin_section(std::string_view name) {
  if (name.starts_with("ERR ")) {
    return fail(explain_refusal(name.substr(4)));
  }
  if (name == "packfile") {
    section_ = Section::pack;
    has_pack_ = true;
  } else if (name == "acknowledgments" && !ready_) {
    section_ = Section::acknowledgments;
  } else if (name == "shallow-info") {
    section_ = Section::shallow_info;
  } else if (name == "wanted-refs") {
    section_ = Section::other;
  } else {
    return odd_answer("an unknown section", name);
  }
  return {};
}

Result<void> FetchReader::take_line(std::string_view line) {
  if (line.starts_with("ERR ")) {
    return fail(explain_refusal(line.substr(4)));
  }
  if (section_ == Section::other) {
    return {};
  }
  if (section_ == Section::shallow_info) {
    return line.starts_with("shallow ")     ? add_id(line, 8, shallow_)
           : line.starts_with("unshallow ") ? add_id(line, 10, unshallow_)
                                            : odd_answer("an unknown line", line);
  }
  if (line == "ready") {
    ready_ = true;
    return {};
  }
  if (line == "NAK") {
    return {};
  }
  return line.starts_with("ACK ") ? add_id(line, 4, common_) : odd_answer("an unknown line", line);
}

Result<void> FetchReader::take_band(std::string_view payload) {
  const char band = payload.empty() ? '\0' : payload.front();
  const std::string_view rest = payload.substr(payload.empty() ? 0 : 1);
  switch (band) {
    case 1:
      return sink_.on_pack(rest);
    case 2:
      if (sink_.on_progress) {
        sink_.on_progress(rest);
      }
      return {};
    case 3:
      return fail(explain_refusal(rest));
    default:
      break;
  }
  // An error in the middle of the pack may come without a band.
  if (payload.starts_with("ERR ")) {
    return fail(explain_refusal(payload.substr(4)));
  }
  return odd_answer("an unknown side band", payload);
}

Result<void> FetchReader::finish() const {
  if (section_ != Section::ended) {
    return fail(ErrorClass::protocol, has_pack_ ? "the upstream's pack is cut off"
                                                : "the upstream's answer to a fetch is cut off");
  }
  if (!decoder_.at_boundary()) {
    return fail(ErrorClass::protocol, "the upstream's answer goes on behind its end");
  }
  return {};
}

}  // namespace freshet::remote
