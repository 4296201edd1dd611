#include "webhook/hub_payload.h"

#include <algorithm>
#include <array>

namespace freshet::webhook {
namespace {

Result<Delivery> begin(const Json& payload, Delivery::Kind kind) {
  Delivery delivery;
  delivery.kind = kind;
  FRESHET_TRY(delivery.repository, read_identity(payload["repository"]));
  delivery.default_branch = branch(payload["repository"]["default_branch"].text());
  return delivery;
}

/// The full name before the repository was renamed or given to another owner.
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

Result<Delivery> read_ping(const Json& /*payload*/) {
  return Delivery::ping();
}

Result<Delivery> read_push(const Json& payload) {
  FRESHET_TRY(Delivery delivery, begin(payload, Delivery::Kind::refs_changed));
  FRESHET_TRY(RefChange change, read_change(payload, {"ref", "before", "after"}));
  FRESHET_TRY(const bool deleted, flag(payload, "deleted"));
  if (deleted) {
    change.after = std::nullopt;
  }
  delivery.changes.push_back(std::move(change));
  return delivery;
}

/// "create" and "delete", which name a branch or tag by its short name.
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

/// Another name, owner or default branch.
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
  // "synchronized" is Gitea's word for GitHub's "synchronize".
  constexpr std::array<std::string_view, 6> kMoving{"opened",   "synchronize", "synchronized",
                                                    "reopened", "closed",      "edited"};
  if (std::find(kMoving.begin(), kMoving.end(), action) == kMoving.end()) {
    return Delivery::ignore("this pull request action moves no ref");
  }
  FRESHET_TRY(Delivery delivery, begin(payload, Delivery::Kind::refs_changed));
  RefChange head{RefName("head"), std::nullopt, std::nullopt};
  FRESHET_TRY(head.before, object_id(payload, "before"));
  FRESHET_TRY(head.after, object_id(payload["pull_request"]["head"], "sha"));
  FRESHET_CHECK(add_request(delivery, "refs/pull", payload["number"], "number", std::move(head)));
  return delivery;
}

}  // namespace

const std::vector<EventReader>& hub_readers() {
  static const std::vector<EventReader> kReaders{
      {"ping", read_ping},
      {"push", read_push},
      {"create", read_create_or_delete},
      {"delete", read_create_or_delete},
      {"release", read_release},
      {"repository", read_repository},
      {"pull_request", read_pull_request},
      {"pull_request_sync", read_pull_request},  // only Gitea and its kin
  };
  return kReaders;
}

const JsonFields& hub_fields() {
  static const JsonFields kFields{
      "ref",
      "ref_type",
      "before",
      "after",
      "deleted",
      "action",
      "number",
      "release.tag_name",
      "pull_request.head.sha",
      "changes.default_branch",
      "changes.repository.name.from",
      "changes.owner.from.organization.login",
      "changes.owner.from.user.login",
      "repository.full_name",
      "repository.clone_url",
      "repository.ssh_url",
      "repository.html_url",
      "repository.git_url",
      "repository.default_branch",
  };
  return kFields;
}

}  // namespace freshet::webhook
