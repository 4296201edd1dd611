// What an upstream answers in version 2 of git's protocol. The first byte of the input says which
// answer it is (a: the greeting, b: to ls-refs, c: to fetch), the second in which pieces it comes,
// the third where it is cut off; the rest is a text that is framed (packets.h).
//
// - In whichever pieces it comes, the answer is the same.
// - An answer that is cut off is never taken for a whole one.
// - Refs are those that were asked for and that git would take; a pack is what stood in its band,
// and its last bytes, the checksum, are handed on only when the answer was whole.

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "packets.h"
#include "remote/fetch_exchange.h"
#include "remote/protocol_v2.h"

namespace freshet::fuzz {
namespace {

using remote::Advertisement;
using remote::FetchExchange;
using remote::Greeting;
using remote::RefPattern;

constexpr std::size_t kChecksum = 20;

const std::vector<RefPattern>& patterns() {
  static const std::vector<RefPattern> kPatterns{
      {"HEAD"}, {"refs/heads/*"}, {"refs/tags/v1"}, {"refs/pull/*"}};
  return kPatterns;
}

void check_id(const ObjectId& id) {
  require(id.hex().size() == 40, "an object is named by SHA-1");
}

void check_greeting(std::string_view bytes) {
  const auto greeting = remote::parse_greeting(bytes);
  if (!greeting) {
    check_upstream_error(greeting.error());
    return;
  }
  require(greeting->version == Greeting::Version::two ||
              greeting->capabilities == remote::Capabilities(),
          "only version 2 offers something");
  require(greeting->version != Greeting::Version::two || bytes.ends_with("0000"),
          "what is cut off is none of version 2");
  if (greeting->version == Greeting::Version::two && bytes.find("# service") == std::string::npos) {
    std::string with_service;
    remote::append_packet(with_service, "# service=git-upload-pack\n");
    remote::append_flush(with_service);
    const auto again = remote::parse_greeting(with_service.append(bytes));
    require(again && again->version == Greeting::Version::two &&
                again->capabilities == greeting->capabilities,
            "it says the same behind the name of the service");
  }
}

Result<Advertisement> read_refs(std::string_view bytes, std::size_t piece_size) {
  remote::RefListReader reader(patterns());
  Result<void> fed;
  in_pieces(bytes, piece_size, [&](std::string_view piece) {
    fed = reader.feed(piece);
    return fed.has_value();
  });
  return fed ? reader.finish() : fail(fed.error());
}

/// As a server would say it.
std::string written_down(const Advertisement& answer) {
  std::string bytes;
  if (answer.head || answer.default_branch) {
    remote::append_packet(
        bytes,
        (answer.head ? answer.head->hex() : "unborn") + " HEAD" +
            (answer.default_branch ? " symref-target:" + answer.default_branch->text() : "") +
            "\n");
  }
  for (const auto& [ref, id] : answer.refs) {
    remote::append_packet(bytes, id.hex() + " " + ref.text());
  }
  remote::append_flush(bytes);
  return bytes;
}

void check_refs(std::string_view bytes, std::size_t piece_size, std::size_t cut) {
  const auto answer = read_refs(bytes, 0);
  const auto in_parts = read_refs(bytes, piece_size);
  require(answer.has_value() == in_parts.has_value(), "pieces make no difference");
  if (!answer) {
    check_upstream_error(answer.error());
    require(answer.error().message == in_parts.error().message, "nor for an error");
    return;
  }
  require(*answer == *in_parts, "the same refs come in pieces");
  for (const auto& [ref, id] : answer->refs) {
    require(is_valid_ref(ref.text()), "a ref is one that git takes");
    require(std::any_of(patterns().begin(), patterns().end(),
                        [&ref = ref](const RefPattern& pattern) { return pattern.matches(ref); }),
            "a ref was asked for");
    check_id(id);
  }
  require(!answer->default_branch || is_valid_ref(answer->default_branch->text()),
          "the default branch is a ref");
  require(!read_refs(bytes.substr(0, cut % bytes.size()), piece_size),
          "a list that is cut off is none");
  const auto again = read_refs(written_down(*answer), piece_size);
  require(again && *again == *answer, "written down it is the same list");
}

struct Fetched {
  std::optional<Error> error;
  std::string pack;  ///< as it stood in its band
  bool pack_ended = false;
  std::string piped;  ///< as its reader got it
  std::vector<ObjectId> shallow;
  std::vector<ObjectId> unshallow;
};

/// Of the packets, as far as they are packets.
void find_pack(std::string_view bytes, Fetched& fetched) {
  remote::PacketDecoder decoder;
  bool begun = false;
  while (!fetched.pack_ended) {
    const auto packet = decoder.next(bytes);
    if (!packet || !*packet) {
      return;
    }
    const std::string_view payload = (*packet)->payload;
    if (begun && payload.starts_with('\1')) {
      fetched.pack += payload.substr(1);
    }
    fetched.pack_ended = begun && (*packet)->kind == remote::Packet::Kind::flush;
    begun = begun || (*packet)->line() == "packfile";
  }
}

std::string read_pipe(int fd) {
  std::string text;
  std::array<char, 8192> buffer;
  for (ssize_t count; (count = ::read(fd, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return text;
}

Fetched fetch(std::string_view bytes, std::size_t piece_size) {
  int ends[2];
  require(::pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0, "there is a pipe");
  const UniqueFd reading(ends[0]);
  std::vector<remote::Progress> progress;
  const auto exchange =
      FetchExchange::create({UniqueFd(ends[1]), 0, [&](const remote::Progress& one) {
                               require(one.phase == "counting" || one.phase == "compressing",
                                       "progress before the pack is the upstream's");
                               progress.push_back(one);
                             }});
  in_pieces(bytes, piece_size, [&](std::string_view piece) {
    const auto take = exchange->take(piece);
    require(take != FetchExchange::Take::wait, "a small pack fits into the pipe");
    return take == FetchExchange::Take::more;
  });
  exchange->end({});
  const auto outcome = exchange->wait();
  Fetched fetched;
  if (!outcome) {
    fetched.error = outcome.error().error;
  }
  find_pack(bytes, fetched);
  fetched.piped = read_pipe(reading.get());
  fetched.shallow = exchange->shallow();
  fetched.unshallow = exchange->unshallow();
  return fetched;
}

void check_handed_on(const Fetched& fetched) {
  if (!fetched.error) {
    require(fetched.piped == fetched.pack, "all of a whole pack is handed on");
    return;
  }
  require(fetched.pack.starts_with(fetched.piped), "what is handed on is the pack's beginning");
  if (fetched.pack_ended) {
    return;  // what is wrong stands behind it
  }
  require(fetched.piped.empty() || fetched.piped.size() + kChecksum <= fetched.pack.size(),
          "the checksum is held back");
}

void check_fetch(std::string_view bytes, std::size_t piece_size, std::size_t cut) {
  const Fetched at_once = fetch(bytes, 0);
  const Fetched in_parts = fetch(bytes, piece_size);
  check_handed_on(at_once);
  check_handed_on(in_parts);
  require(at_once.error.has_value() == in_parts.error.has_value(), "pieces make no difference");
  if (at_once.error) {
    check_upstream_error(*at_once.error);
    require(at_once.error->message == in_parts.error->message, "nor for an error");
    return;
  }
  require(at_once.shallow == in_parts.shallow && at_once.unshallow == in_parts.unshallow,
          "the same commits are shallow");
  std::for_each(at_once.shallow.begin(), at_once.shallow.end(), check_id);
  std::for_each(at_once.unshallow.begin(), at_once.unshallow.end(), check_id);
  const Fetched short_one = fetch(bytes.substr(0, cut % bytes.size()), piece_size);
  require(short_one.error.has_value(), "an answer that is cut off is none");
  check_handed_on(short_one);
}

}  // namespace
}  // namespace freshet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet::fuzz;
  Input input(data, size);
  const std::size_t which = input.choice(3);
  const std::size_t piece = 1 + input.choice(96);
  const std::size_t cut = input.choice(256) * 17;
  const std::string bytes = framed(input.rest());
  if (which == 0) {
    check_greeting(bytes);
  } else if (which == 1) {
    check_refs(bytes, piece, cut);
  } else {
    check_fetch(bytes, piece, cut);
  }
  return 0;
}
