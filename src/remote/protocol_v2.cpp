#include "remote/protocol_v2.h"

#include <algorithm>

#include "remote/printable.h"

namespace freshet::remote {
namespace {

constexpr std::size_t kHexDigits = 40;

void append_line(std::string& out, std::string_view key, std::string_view value = {}) {
  append_packet(out, std::string(key) + std::string(value) + "\n");
}

std::string begin_command(const Capabilities& server, std::string_view command) {
  std::string out;
  append_line(out, "command=", command);
  if (server.agent) {
    append_line(out, "agent=freshet");
  }
  if (server.object_format) {
    append_line(out, "object-format=sha1");
  }
  append_delimiter(out);
  return out;
}

std::optional<ObjectId> parse_sha1(std::string_view text) {
  return text.size() == kHexDigits ? ObjectId::parse(text) : std::nullopt;
}

/// The value of " KEY:VALUE" among attributes separated by blanks.
std::string_view attribute(std::string_view attributes, std::string_view key) {
  while (!attributes.empty()) {
    const std::size_t end = std::min(attributes.find(' '), attributes.size());
    const std::string_view one = attributes.substr(0, end);
    if (one.starts_with(key)) {
      return one.substr(key.size());
    }
    attributes.remove_prefix(std::min(end + 1, attributes.size()));
  }
  return {};
}

}  // namespace

std::string encode_ls_refs(const Capabilities& server, const std::vector<RefPattern>& patterns) {
  std::string out = begin_command(server, "ls-refs");
  append_line(out, "symrefs");  // not "peel": nobody here asks what a tag points to
  if (server.unborn) {
    append_line(out, "unborn");
  }
  for (const RefPattern& pattern : patterns) {
    const bool open = pattern.text.ends_with('*');
    append_line(out, "ref-prefix ",
                std::string_view(pattern.text).substr(0, pattern.text.size() - (open ? 1 : 0)));
  }
  append_flush(out);
  return out;
}

RefListReader::RefListReader(const std::vector<RefPattern>& patterns) {
  for (const RefPattern& pattern : patterns) {
    if (pattern.text == "HEAD") {
      wants_head_ = true;
    } else if (pattern.text.ends_with('*')) {
      prefixes_.push_back(pattern.text.substr(0, pattern.text.size() - 1));
    } else {
      names_.insert(pattern.text);
    }
  }
}

bool RefListReader::matches(std::string_view name) const {
  return names_.find(name) != names_.end() ||
         std::any_of(prefixes_.begin(), prefixes_.end(),
                     [&](const std::string& prefix) { return name.starts_with(prefix); });
}

Result<void> RefListReader::feed(std::string_view bytes) {
  for (;;) {
    FRESHET_TRY(const std::optional<Packet> packet, decoder_.next(bytes));
    if (!packet) {
      return {};
    }
    FRESHET_CHECK(take(*packet));
  }
}

Result<void> RefListReader::take(const Packet& packet) {
  if (ended_) {
    return fail(ErrorClass::protocol, "the upstream's list of refs goes on behind its end");
  }
  switch (packet.kind) {
    case Packet::Kind::flush:
      ended_ = true;
      return {};
    case Packet::Kind::data:
      return take_ref(packet.line());
    case Packet::Kind::delimiter:
    case Packet::Kind::response_end:
      break;
  }
  return fail(ErrorClass::protocol, "the upstream's list of refs has an odd mark");
}

Result<void> RefListReader::take_ref(std::string_view line) {
  if (line.starts_with("ERR ")) {
    return fail(explain_refusal(line.substr(4)));
  }
  const std::size_t blank = std::min(line.find(' '), line.size());
  const std::string_view id = line.substr(0, blank);
  const std::string_view rest = line.substr(std::min(blank + 1, line.size()));
  const std::size_t name_end = std::min(rest.find(' '), rest.size());
  const std::string_view name = rest.substr(0, name_end);
  const auto parsed = parse_sha1(id);
  if (name.empty() || (!parsed && id != "unborn")) {
    return odd_answer("an unknown line", line);
  }
  if (name == "HEAD") {
    take_head(id, rest.substr(std::min(name_end + 1, rest.size())));
  } else if (parsed && matches(name)) {
    // A name that git itself would not take is nobody's ref.
    if (auto ref = parse_ref(name)) {
      answer_.refs.insert_or_assign(*std::move(ref), *parsed);
    }
  }
  return {};
}

void RefListReader::take_head(std::string_view id, std::string_view attributes) {
  if (!wants_head_) {
    return;
  }
  answer_.head = parse_sha1(id);
  answer_.default_branch = parse_ref(attribute(attributes, "symref-target:"));
}

Result<Advertisement> RefListReader::finish() {
  if (!ended_) {
    return fail(ErrorClass::protocol,
                "the upstream's list of refs lacks its end: it is cut off or not of version 2");
  }
  if (!decoder_.at_boundary()) {
    return fail(ErrorClass::protocol, "the upstream's list of refs goes on behind its end");
  }
  return std::move(answer_);
}

std::string encode_fetch(const Capabilities& server, const FetchCommand& command) {
  std::string out = begin_command(server, "fetch");
  append_line(out, "thin-pack");
  append_line(out, "ofs-delta");
  if (!command.progress) {
    append_line(out, "no-progress");
  }
  if (command.include_tag) {
    append_line(out, "include-tag");
  }
  for (const ObjectId& id : command.shallow) {
    append_line(out, "shallow ", id.hex());
  }
  if (command.depth > 0) {
    append_line(out, "deepen ", std::to_string(command.depth));
  }
  for (const ObjectId& id : command.wants) {
    append_line(out, "want ", id.hex());
  }
  for (const ObjectId& id : command.haves) {
    append_line(out, "have ", id.hex());
  }
  if (command.done) {
    append_line(out, "done");
  }
  append_flush(out);
  return out;
}

}  // namespace freshet::remote
