#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/ids.h"
#include "remote/packet_line.h"
#include "remote/upstream.h"

/// Version 2 of git's protocol, as gitprotocol-v2(5) has it, for one who reads: requests encoded,
/// answers parsed as they come. Pure; memory does not follow what a hostile upstream sends.
namespace freshet::remote {

/// What a server offers, as far as it matters here.
struct Capabilities {
  bool agent = false;          ///< it wants to know ours
  bool object_format = false;  ///< it wants to hear which; it can do SHA-1
  bool unborn = false;         ///< ls-refs says where an unborn HEAD points
  bool shallow = false;        ///< fetch can limit the depth
  bool filter = false;
  bool wait_for_done = false;
  bool operator==(const Capabilities&) const = default;
};

/// The first answer of a server.
struct Greeting {
  enum class Version { two, old, none };
  Version version = Version::none;  ///< none: empty, by which nobody can tell
  Capabilities capabilities;        ///< of version two
};

/// Reads the whole body of GET info/refs, with or without "# service=". A version 0 or 1
/// advertisement, and the plain list of a server that only hands out files, are `old`. Error
/// protocol: anything else, or a version 2 that lacks its end or ls-refs or fetch; config: it has
/// SHA-256 objects only.
Result<Greeting> parse_greeting(std::string_view body);

/// What an upstream says in place of an answer ("ERR ...", side band 3): not_found, auth,
/// rate_limited, else protocol.
Error explain_refusal(std::string_view text);

std::string encode_ls_refs(const Capabilities& server, const std::vector<RefPattern>& patterns);

/// Reads the answer to ls-refs. Keeps only refs that match.
class RefListReader {
 public:
  explicit RefListReader(const std::vector<RefPattern>& patterns);

  /// Any piece. Error protocol, or what explain_refusal() says; nothing more can be read then.
  Result<void> feed(std::string_view bytes);
  /// Requires that no feed() failed. Error protocol: the flush at the end is missing, so this is no
  /// answer of version 2; above all it does not mean "no refs".
  Result<Advertisement> finish();
  bool ended() const { return ended_; }  ///< the flush has come

 private:
  Result<void> take(const Packet& packet);
  Result<void> take_ref(std::string_view line);
  void take_head(std::string_view id, std::string_view attributes);
  bool matches(std::string_view name) const;

  PacketDecoder decoder_;
  bool wants_head_ = false;
  std::set<std::string, std::less<>> names_;
  std::vector<std::string> prefixes_;
  bool ended_ = false;
  Advertisement answer_;
};

struct FetchCommand {
  std::vector<ObjectId> wants;
  std::vector<ObjectId> haves;
  std::vector<ObjectId> shallow;  ///< commits whose parents we lack
  int depth = 0;                  ///< 0: full history
  bool done = false;              ///< no acknowledgments: the pack, whatever was known
  bool include_tag = true;
  bool progress = true;
};
std::string encode_fetch(const Capabilities& server, const FetchCommand& command);

/// Reads the answer to fetch.
class FetchReader {
 public:
  /// What to do with what comes.
  struct Sink {
    std::function<Result<void>(std::string_view bytes)> on_pack;
    std::function<void(std::string_view text)> on_progress;  ///< pieces of lines; may be empty
  };
  explicit FetchReader(Sink sink) : sink_(std::move(sink)) {}

  /// Any piece. Error: of the sink, protocol, or what explain_refusal() says; nothing more can be
  /// read then.
  Result<void> feed(std::string_view bytes);
  /// Requires that no feed() failed. Error protocol: the answer is cut off.
  Result<void> finish() const;

  bool ended() const { return section_ == Section::ended; }
  bool has_pack() const { return has_pack_; }  ///< the section began; whole once finish() is fine
  /// What the upstream has of our haves, when it did not send a pack.
  const std::vector<ObjectId>& common() const { return common_; }
  const std::vector<ObjectId>& shallow() const { return shallow_; }
  const std::vector<ObjectId>& unshallow() const { return unshallow_; }

 private:
  enum class Section { none, acknowledgments, shallow_info, other, pack, ended };
  Result<void> take(const Packet& packet);
  Result<void> begin_section(std::string_view name);
  Result<void> take_line(std::string_view line);
  Result<void> take_band(std::string_view payload);

  Sink sink_;
  PacketDecoder decoder_;
  Section section_ = Section::none;
  bool ready_ = false;
  bool has_pack_ = false;
  std::vector<ObjectId> common_;
  std::vector<ObjectId> shallow_;
  std::vector<ObjectId> unshallow_;
};

}  // namespace freshet::remote
