#include "notify/gatekeeper.h"

#include "base/hmac.h"
#include "base/log.h"
#include "notify/command.h"
#include "notify/message.h"

namespace freshet::notify {
namespace {

constexpr const char* kAbout = "refused";

/// What the gates do; a refusal by others does not count.
std::string digest_of(const std::vector<Gate>& gates) {
  Json all = Json::array();
  for (const Gate& gate : gates) {
    all.push(Json::Array(gate.run.begin(), gate.run.end()));
    all.push(gate.timeout.count());
  }
  return to_hex(sha256(all.dump())).substr(0, 32);
}

tl::unexpected<Error> refused(const Publication& candidate, std::string reason) {
  return fail({ErrorClass::conflict,
               std::move(reason),
               {},
               "What was published stays. Mend what the gate found and push, or mend the gate; "
               "`freshet refresh " +
                   candidate.repository.text() + "` has the same commit judged again."});
}

}  // namespace

Result<bool> Gatekeeper::admit(const Publication& candidate) {
  const std::vector<Gate> gates = world_.gates_of(candidate.repository);
  if (gates.empty() || candidate.cause == Cause::manual) {
    return !gates.empty();
  }
  const Json refusal = refusals_.read(candidate.path, kAbout);
  if (refusal["commit"].text() != candidate.new_commit.hex() ||
      refusal["gates"].text() != digest_of(gates)) {
    return true;
  }
  return refused(candidate, refusal["reason"].text());
}

Result<void> Gatekeeper::judge(const Publication& candidate, const CancelToken& cancel) {
  const std::vector<Gate> gates = world_.gates_of(candidate.repository);
  if (gates.empty()) {
    return {};
  }
  const std::string text = document(candidate, world_.changed_paths(candidate));
  for (const Gate& gate : gates) {
    const auto judged = run_command({gate.run, gate.timeout, world_.command_environment()},
                                    candidate, text, cancel);
    if (judged) {
      continue;
    }
    const Error& error = judged.error();
    if (cancel.cancelled() ||
        (error.error_class != ErrorClass::conflict && error.error_class != ErrorClass::timeout)) {
      return fail(error.error_class, "a gate has not judged: " + error.message);
    }
    const std::string reason = "commit " + candidate.new_commit.short_hex() +
                               " is not published, a gate refused it: " + error.message;
    const auto kept = refusals_.write(candidate.path, kAbout,
                                      Json::object({{"commit", candidate.new_commit.hex()},
                                                    {"gates", digest_of(gates)},
                                                    {"reason", reason}}));
    if (!kept) {
      log::warning("refusal not kept", {{"path", candidate.path}, {"error", kept.error().message}});
    }
    return refused(candidate, reason);
  }
  refusals_.remove(candidate.path, kAbout);
  return {};
}

}  // namespace freshet::notify
