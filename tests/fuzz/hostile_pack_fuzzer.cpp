// Packs that no git would send, through the real refresh: the answer is taken apart, git's own
// index-pack takes the pack, the mirror proves it complete, the ref moves and the tree is
// published. The first letter of the input chooses the mode: a atomic, b in place, c a mirror
// alone. The lines behind it are those of hostile_script.h, and
//   c                a commit is what the upstream has from now on; it sends every object that is
//                    new, and a refresh runs
//   u                the same with the last object, whatever it is
//   x                the last object is not sent, this time
//   d COUNT          the last object is sent as what differs from b, of which it copies so much
//   m PLACE VALUE    one byte of the next pack is another; it has the right checksum all the same
//   M PLACE VALUE    the same behind which the checksum is wrong
//   k COUNT          so many bytes are cut off the next pack; K: off the answer
//   *                the rest of the input is the next pack itself, without the checksum

#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <set>
#include <thread>

#include "base/subprocess.h"
#include "checkout/slot_directory.h"
#include "hostile_model.h"
#include "hostile_pack.h"
#include "hostile_place.h"
#include "hostile_script.h"
#include "mirror/mirror.h"
#include "remote/fetch.h"
#include "sync/syncer.h"

namespace freshet::fuzz {
namespace {

const RefName kMain("refs/heads/main");

/// Hands over an answer in pieces, as a connection does.
class Delivery : public remote::FetchTransport {
 public:
  explicit Delivery(std::string answer) : answer_(std::move(answer)) {}
  ~Delivery() override {
    if (thread_.joinable()) {
      thread_.join();
    }
  }
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  void start(const remote::FetchCommand& /*command*/,
             std::shared_ptr<remote::FetchExchange> exchange, bool /*with_tags*/) override {
    thread_ = std::thread([this, exchange = std::move(exchange)] {
      std::string_view rest = answer_;
      bool goes_on = true;
      while (goes_on && !rest.empty()) {
        const std::string_view piece = rest.substr(0, 1000);
        rest.remove_prefix(piece.size());
        auto take = exchange->take(piece);
        while (take == remote::FetchExchange::Take::wait && !exchange->stop().cancelled()) {
          std::this_thread::yield();
          take = exchange->take("");
        }
        goes_on = take == remote::FetchExchange::Take::more;
      }
      exchange->end({});
    });
  }
  remote::Attempt<std::optional<remote::Advertisement>> take_tags() override {
    return std::optional<remote::Advertisement>();
  }
  std::optional<Duration> time_left() const override { return std::chrono::seconds(60); }

 private:
  const std::string answer_;
  std::thread thread_;
};

class HostileUpstream : public remote::Upstream {
 public:
  explicit HostileUpstream(const GitEnvironment& environment) : environment_(environment) {}

  Result<remote::Advertisement> list_refs(const std::vector<remote::RefPattern>& /*patterns*/,
                                          const remote::TimeLimits& /*limits*/,
                                          const CancelToken& /*cancel*/) override {
    return remote::Advertisement{{{kMain, tip}}, kMain, tip};
  }
  Result<remote::FetchReport> fetch(const remote::FetchRequest& request,
                                    const CancelToken& cancel) override {
    Delivery delivery(answer);
    auto fetched = remote::Fetch(delivery, request, environment_, cancel).run();
    if (!fetched) {
      return fail(fetched.error().error);
    }
    return *fetched ? Result<remote::FetchReport>(**std::move(fetched))
                    : fail(ErrorClass::protocol, "its history is cut off");
  }

  ObjectId tip;
  std::string answer;

 private:
  const GitEnvironment& environment_;
};

class Run : private sync::Syncer::World, private PublicationSink {
 public:
  Run(Place& place, const GitEnvironment& environment, std::size_t mode)
      : place_(place),
        environment_(environment),
        upstream_(std::make_shared<HostileUpstream>(environment)),
        script_(store_, place.outside()) {
    auto spec = std::make_shared<sync::RepositorySpec>();
    spec->name = RepositoryName("docs");
    spec->url = UpstreamUrl::parse("https://upstream.example/docs.git").value();
    spec->mirror = place.mirror();
    spec->follows.push_back({"refs/heads/*"});
    if (mode < 2) {
      checkout::CheckoutSpec checkout;
      checkout.path = place.published();
      checkout.ref = "HEAD";
      checkout.mode = mode == 0 ? "atomic" : "in_place";
      spec->checkouts.push_back(checkout);
    }
    spec_ = spec;
  }

  void run(Input& input) {
    while (!input.empty()) {
      const std::string_view text = input.line();
      if (text.empty() || script_.line(text)) {
        continue;
      }
      if (text.front() == '*') {
        refresh(PackWriter::with_checksum(std::string(input.rest())));
        return;
      }
      line(text.front(), text.substr(1));
    }
  }

 private:
  struct Change {
    std::size_t place;
    std::size_t value;
    bool checksum;
  };

  void line(char what, std::string_view rest) {
    constexpr std::size_t kMost = 1'000'000;
    const std::size_t first = Script::number(rest.substr(0, rest.find(' ', 1)), kMost);
    if (what == 'c' || what == 'u') {
      if (what == 'c') {
        script_.commit(moved_to_);
      }
      refresh("");
    } else if (what == 'x') {
      withheld_.insert(script_.object('a'));
    } else if (what == 'd') {
      deltas_[script_.object('a')] = {script_.object('b'), first};
    } else if (what == 'm' || what == 'M') {
      const std::size_t space = std::min(rest.find(' ', 1), rest.size());
      changes_.push_back({first, Script::number(rest.substr(space), 255), what == 'm'});
    } else if (what == 'k') {
      cut_pack_ = first;
    } else if (what == 'K') {
      cut_answer_ = first;
    }
  }

  std::string written_pack() {
    PackWriter writer;
    const std::set<ObjectId> belongs = belonging_to(store_, upstream_->tip);
    for (const ObjectId& id : script_.objects()) {
      const RawObject& object = *store_.find(id);
      if (present_.count(id) != 0 || withheld_.count(id) != 0 || !sent_.insert(id).second) {
        continue;
      }
      // git checks all of the pack, not only what the tip leads to.
      is_odd_ = is_odd_ || belongs.count(id) == 0 || !is_usual(object);
      const auto delta = deltas_.find(id);
      const RawObject* base = delta == deltas_.end() ? nullptr : store_.find(delta->second.first);
      if (base == nullptr) {
        writer.add(object);
        continue;
      }
      std::size_t same = 0;
      while (same < std::min(base->content.size(), object.content.size()) &&
             base->content[same] == object.content[same] && same < 255) {
        ++same;
      }
      is_odd_ = is_odd_ || delta->second.second > same || base->type != object.type;
      writer.add_delta(delta->second.first, base->content.size(), object.content,
                       delta->second.second);
    }
    return writer.finish();
  }

  std::string damaged(std::string pack) {
    for (const Change& change : changes_) {
      if (change.place < pack.size()) {
        char& byte = pack[change.place];
        is_odd_ = is_odd_ || byte != static_cast<char>(change.value);
        byte = static_cast<char>(change.value);
      }
      constexpr std::size_t kChecksum = 20;
      if (change.checksum && pack.size() > kChecksum) {
        pack.resize(pack.size() - kChecksum);
        pack = PackWriter::with_checksum(std::move(pack));
      }
    }
    is_odd_ = is_odd_ || cut_pack_ > 0;
    pack.resize(pack.size() - std::min(pack.size(), cut_pack_));
    return pack;
  }

  /// `pack`: empty: of what the script made.
  void refresh(std::string pack) {
    upstream_->tip = script_.object('a');
    is_odd_ = !pack.empty() || !withheld_.empty();
    if (pack.empty()) {
      pack = written_pack();
    }
    upstream_->answer = answer_with(damaged(std::move(pack)));
    is_odd_ = is_odd_ || cut_answer_ > 0;
    upstream_->answer.resize(upstream_->answer.size() -
                             std::min(upstream_->answer.size(), cut_answer_));
    const std::map<RefName, ObjectId> before = refs();
    const Snapshot tree = snapshot_of(place_.tree());
    Job job;
    job.repository = spec_->name;
    const Outcome outcome = syncer_.run(job, CancelToken());
    check(outcome, before, tree);
    for (const ObjectId& id : outcome.error ? std::set<ObjectId>() : sent_) {
      present_.insert(id);
    }
    sent_.clear();
    withheld_.clear();
    changes_.clear();
    cut_pack_ = cut_answer_ = 0;
  }

  std::map<RefName, ObjectId> refs() {
    const auto mirror = mirror::Mirror::open_or_create(place_.mirror(), environment_);
    require(mirror.has_value(), "the mirror can be opened");
    const auto found = mirror->refs();
    require(found.has_value(), "its refs can be read");
    return *found;
  }

  void check(const Outcome& outcome, const std::map<RefName, ObjectId>& before,
             const Snapshot& tree) {
    place_.check_outside();
    check_leftovers();
    const std::string message = outcome.error ? std::string(to_string(outcome.error->error_class)) +
                                                    ": " + outcome.error->message
                                              : "";
    require(!outcome.error || outcome.error->error_class == ErrorClass::corrupt ||
                outcome.error->error_class == ErrorClass::protocol,
            message.c_str());
    const auto after = refs();
    const bool moved = after != before;
    ExpectedTree wanted = TreeModel(store_).of_commit(upstream_->tip);
    if (moved) {
      require(after == std::map<RefName, ObjectId>{{kMain, upstream_->tip}}, "the ref is the tip");
      check_whole();
      moved_to_ = upstream_->tip;
    }
    require(is_odd_ || has_been_odd_ || wanted.impossible || !wanted.plain || !outcome.error,
            ("a plain pack is taken: " + message).c_str());
    has_been_odd_ = has_been_odd_ || outcome.error.has_value();
    if (spec_->checkouts.empty()) {
      return;
    }
    const auto current = checkout::read_current(place_.published());
    if (outcome.error) {
      require(snapshot_of(place_.tree()) == tree, "what was there stays");
    } else {
      require(current && current->commit == upstream_->tip, "the tip is published");
    }
  }

  /// All that the ref leads to is there.
  void check_whole() {
    {
      const auto mirror = mirror::Mirror::open_or_create(place_.mirror(), environment_);
      for (const ObjectId& id : belonging_to(store_, upstream_->tip)) {
        require(mirror && mirror->has(id), "what the ref leads to is there");
      }
    }
    // As git sees it. That takes three processes, and so not for each plain pack.
    if (!is_odd_ && upstream_->tip.hex().front() != '0') {
      return;
    }
    ChildSpec child;
    child.arguments = {"git",           "--git-dir=" + place_.mirror(),
                       "fsck",          "--connectivity-only",
                       "--no-dangling", "--no-progress"};
    child.environment = environment_.variables();
    const auto result = run_child(child, CancelToken());
    // git has the empty tree built in, and only fsck does not know.
    constexpr std::string_view kBuiltIn = "missing tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n";
    require(result && (result->succeeded() || result->output == kBuiltIn),
            result ? (result->output + result->error_text).c_str() : "git could not be run");
  }

  void check_leftovers() const {
    place_.check_leftovers();
    const auto packs = list_directory(place_.mirror() + "/objects/pack");
    require(packs.has_value(), "there is a folder for packs");
    for (const std::string& name : *packs) {
      require(name.starts_with("pack-"), ("left behind: " + name).c_str());
    }
    require(!path_exists(place_.mirror() + "/refs/freshet/incoming"), "nothing is left incoming");
  }

  std::shared_ptr<const sync::RepositorySpec> find(const RepositoryName& /*name*/) override {
    return spec_;
  }
  std::shared_ptr<remote::Upstream> connect(const sync::RepositorySpec& /*spec*/) override {
    return upstream_;
  }
  const GitEnvironment& git() override { return environment_; }
  PublicationSink& publications() override { return *this; }
  void progress(const RepositoryName& /*name*/, const remote::Progress& /*progress*/) override {}
  void published(const Publication& /*publication*/) override {}

  Place& place_;
  const GitEnvironment& environment_;
  const std::shared_ptr<HostileUpstream> upstream_;
  ObjectStore store_;
  Script script_;
  std::shared_ptr<const sync::RepositorySpec> spec_;
  sync::Syncer syncer_{*this};
  std::optional<ObjectId> moved_to_;
  std::set<ObjectId> present_;  ///< in the mirror
  std::set<ObjectId> sent_;
  std::set<ObjectId> withheld_;
  std::map<ObjectId, std::pair<ObjectId, std::size_t>> deltas_;
  std::vector<Change> changes_;
  std::size_t cut_pack_ = 0;
  std::size_t cut_answer_ = 0;
  bool is_odd_ = false;        ///< this pack may be refused
  bool has_been_odd_ = false;  ///< what came before was, and may be missed
};

}  // namespace
}  // namespace freshet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace freshet::fuzz;
  static Place place;
  static const auto environment = freshet::GitEnvironment::prepare(place.outside());
  static const bool is_ready = (place.outside_is_known(), true);
  require(environment.has_value() && is_ready, "git can be run");
  place.begin();
  place.forget_mirror();
  Input input(data, size);
  Run run(place, *environment, input.choice(3));
  static_cast<void>(input.line());
  run.run(input);
  return 0;
}
