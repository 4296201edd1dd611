#include <algorithm>
#include <array>

#include "webhook/forge.h"

namespace freshet::webhook {
namespace {

using Reader = Result<Delivery> (*)(const Json& payload);

std::unique_ptr<SignatureCheck> begin_check(const http::Headers& headers,
                                            const std::vector<Secret>& secrets, WallTime /*now*/) {
  return std::make_unique<HmacCheck>(digest_in_header(headers, "X-Hub-Signature-256", "sha256="),
                                     secrets);
}

Result<Delivery> begin(const Json& payload, Delivery::Kind kind) {
  Delivery delivery;
  delivery.kind = kind;
  FRESHET_TRY(delivery.repository, read_identity(payload["repository"]));
  const std::string& branch = payload["repository"]["default_branch"].text();
  delivery.default_branch = parse_ref("refs/heads/" + branch);
  return delivery;
}

Result<Delivery> read_ping(const Json& /*payload*/) {
  return Delivery::ping();
}

Result<Delivery> read_push(const Json& payload) {
  FRESHET_TRY(Delivery delivery, begin(payload, Delivery::Kind::refs_changed));
  RefChange change;
  FRESHET_TRY(const std::string ref, required_text(payload, "ref"));
  FRESHET_TRY(change.ref, full_ref(ref, "ref"));
  FRESHET_TRY(change.before, object_id(payload, "before"));
  FRESHET_TRY(change.after, object_id(payload, "after"));
  FRESHET_TRY(const bool deleted, flag(payload, "deleted"));
  if (deleted) {
    change.after = std::nullopt;
  }
  delivery.changes.push_back(std::move(change));
  return delivery;
}

/// "create" and "delete", which name a branch or tag by its short name and say no commit.
Result<Delivery> read_create_or_delete(const Json& payload) {
  FRESHET_TRY(const std::string type, required_text(payload, "ref_type"));
  if (type == "repository") {
    return begin(payload, Delivery::Kind::repository_changed);
  }
  if (type != "branch" && type != "tag") {
    return Delivery::ignore("neither a branch nor a tag");
  }
  FRESHET_TRY(Delivery delivery, begin(payload, Delivery::Kind::refs_changed));
  const std::string_view prefix = type == "branch" ? "refs/heads/" : "refs/tags/";
  FRESHET_TRY(std::string ref, required_text(payload, "ref"));
  if (!ref.starts_with(prefix)) {
    ref.insert(0, prefix);
  }
  RefChange change;
  FRESHET_TRY(change.ref, full_ref(ref, "ref"));
  delivery.changes.push_back(std::move(change));
  return delivery;
}

Result<Delivery> read_release(const Json& payload) {
  FRESHET_TRY(Delivery delivery, begin(payload, Delivery::Kind::refs_changed));
  FRESHET_TRY(const std::string tag, required_text(payload["release"], "tag_name"));
  RefChange change;
  FRESHET_TRY(change.ref, full_ref("refs/tags/" + tag, "tag_name"));
  delivery.changes.push_back(std::move(change));
  return delivery;
}

/// The full name before the repository was renamed or given to another owner; empty: neither.
Result<std::string> former_full_name(const Json& payload, const std::string& action) {
  FRESHET_TRY(const std::string full_name, required_text(payload["repository"], "full_name"));
  const std::size_t slash = std::min(full_name.rfind('/'), full_name.size());
  const Json& changes = payload["changes"];
  if (action == "renamed") {
    FRESHET_TRY(const std::string name, required_text(changes["repository"]["name"], "from"));
    return full_name.substr(0, slash) + "/" + name;
  }
  const Json& from = changes["owner"]["from"];
  const Json& owner = from["organization"].is_object() ? from["organization"] : from["user"];
  FRESHET_TRY(const std::string login, required_text(owner, "login"));
  return login + full_name.substr(slash);
}

Result<Delivery> read_repository(const Json& payload) {
  FRESHET_TRY(const std::string action, required_text(payload, "action"));
  const bool moved = action == "renamed" || action == "transferred";
  const bool other_default = action == "edited" && !payload["changes"]["default_branch"].is_null();
  if (!moved && !other_default) {
    return Delivery::ignore("the repository's name and default branch stayed the same");
  }
  FRESHET_TRY(Delivery delivery, begin(payload, Delivery::Kind::repository_changed));
  if (moved) {
    FRESHET_TRY(const std::string former, former_full_name(payload, action));
    delivery.former = with_full_name(delivery.repository, former);
  }
  return delivery;
}

Result<Delivery> read_pull_request(const Json& payload) {
  FRESHET_TRY(const std::string action, required_text(payload, "action"));
  constexpr std::array<std::string_view, 5> kMoving{"opened", "synchronize", "reopened", "closed",
                                                    "edited"};
  if (std::find(kMoving.begin(), kMoving.end(), action) == kMoving.end()) {
    return Delivery::ignore("this pull request action moves no ref");
  }
  const std::int64_t number = payload["number"].integer().value_or(0);
  if (number <= 0) {
    return fail(ErrorClass::protocol, "number is not the number of a pull request");
  }
  FRESHET_TRY(Delivery delivery, begin(payload, Delivery::Kind::refs_changed));
  const std::string prefix = "refs/pull/" + std::to_string(number);
  RefChange head{RefName(prefix + "/head"), std::nullopt, std::nullopt};
  FRESHET_TRY(head.before, object_id(payload, "before"));
  FRESHET_TRY(head.after, object_id(payload["pull_request"]["head"], "sha"));
  delivery.changes.push_back(std::move(head));
  // GitHub makes the merge commit some time later and says nothing of it here.
  delivery.changes.push_back({RefName(prefix + "/merge"), std::nullopt, std::nullopt});
  return delivery;
}

constexpr std::array<std::pair<std::string_view, Reader>, 7> kReaders{{
    {"ping", read_ping},
    {"push", read_push},
    {"create", read_create_or_delete},
    {"delete", read_create_or_delete},
    {"release", read_release},
    {"repository", read_repository},
    {"pull_request", read_pull_request},
}};

Result<Delivery> read(std::string_view event, const Json& payload) {
  if (event.empty()) {
    return fail(ErrorClass::protocol, "the header X-GitHub-Event is missing");
  }
  for (const auto& [name, reader] : kReaders) {
    if (name == event) {
      return reader(payload);
    }
  }
  return Delivery::ignore("this event changes no ref");
}

}  // namespace

const Forge& github() {
  static const Forge kForge{
      .name = "github",
      .event_headers = {"X-GitHub-Event"},
      .id_headers = {"X-GitHub-Delivery"},
      .begin_check = begin_check,
      .read = read,
  };
  return kForge;
}

}  // namespace freshet::webhook
