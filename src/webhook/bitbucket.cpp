#include "webhook/forge.h"

namespace freshet::webhook {
namespace {

/// Cloud and Data Center alike; an older "sha1=" is refused.
std::unique_ptr<SignatureCheck> begin_check(const http::Headers& headers,
                                            const std::vector<Secret>& secrets, WallTime /*now*/) {
  return std::make_unique<HmacCheck>(hex_claim(headers, "X-Hub-Signature", "sha256="), secrets);
}

Result<Delivery> read_ping(const Json& /*payload*/) {
  return Delivery::ping();
}

/// Of "repository" and its like. Cloud says a full name and a page, Data Center a project's key, a
/// slug and, in most events, links for cloning. Its link "self" is a page that is no repository's
/// URL.
Result<Identity> read_names(const Json& repository) {
  if (!repository.is_null() && !repository.is_object()) {
    return fail(ErrorClass::protocol, "repository is not an object");
  }
  Identity identity;
  const Json& links = repository["links"];
  FRESHET_CHECK(collect_texts(links["html"], {"href"}, identity.urls));
  for (const Json& clone : links["clone"].items()) {
    FRESHET_CHECK(collect_texts(clone, {"href"}, identity.urls));
  }
  FRESHET_CHECK(collect_texts(repository, {"full_name"}, identity.full_names));
  FRESHET_TRY(const std::optional<std::string> key, optional_text(repository["project"], "key"));
  FRESHET_TRY(const std::optional<std::string> slug, optional_text(repository, "slug"));
  if (key && slug && identity.full_names.empty()) {
    identity.full_names.push_back(*key + "/" + *slug);
  }
  return identity;
}

Result<Delivery> begin(const Json& repository, Delivery::Kind kind) {
  Delivery delivery;
  delivery.kind = kind;
  FRESHET_TRY(delivery.repository, read_names(repository));
  return delivery;
}

/// When a push has more changes than are listed, and when none is, any ref may have changed.
Result<Delivery> with_all_changes(Delivery delivery, bool cut) {
  if (cut || delivery.changes.empty()) {
    delivery.kind = Delivery::Kind::repository_changed;
  }
  return delivery;
}

/// Cloud's "repo:push", item by item: `old` and `new` are a branch or tag with its commit, or null.
Result<RefChange> read_cloud_change(const Json& item) {
  const Json& named = item["new"].is_object() ? item["new"] : item["old"];
  FRESHET_TRY(const std::string type, required_text(named, "type"));
  FRESHET_TRY(const std::string name, required_text(named, "name"));
  RefChange change;
  FRESHET_TRY(change.ref, full_ref((type == "tag" ? "refs/tags/" : "refs/heads/") + name, "name"));
  FRESHET_TRY(change.before, object_id(item["old"]["target"], "hash"));
  FRESHET_TRY(change.after, object_id(item["new"]["target"], "hash"));
  return change;
}

Result<Delivery> read_cloud_push(const Json& payload) {
  FRESHET_TRY(Delivery delivery, begin(payload["repository"], Delivery::Kind::refs_changed));
  const Json& changes = payload["push"]["changes"];
  if (!changes.is_array()) {
    return fail(ErrorClass::protocol, "push.changes is not a list");
  }
  for (const Json& item : changes.items()) {
    FRESHET_TRY(RefChange change, read_cloud_change(item));
    delivery.changes.push_back(std::move(change));
  }
  return with_all_changes(std::move(delivery), false);
}

/// Cloud's "repo:updated": the name, the main branch or only a description.
Result<Delivery> read_cloud_update(const Json& payload) {
  FRESHET_TRY(Delivery delivery, begin(payload["repository"], Delivery::Kind::repository_changed));
  FRESHET_TRY(const std::optional<std::string> former,
              optional_text(payload["changes"]["full_name"], "old"));
  if (former && !former->empty()) {
    delivery.former = with_full_name(delivery.repository, *former);
  }
  return delivery;
}

/// Data Center's "repo:refs_changed"; its mirrors' "mirror:repo_synchronized" can leave refs out.
Result<Delivery> read_refs_changed(const Json& payload) {
  FRESHET_TRY(Delivery delivery, begin(payload["repository"], Delivery::Kind::refs_changed));
  FRESHET_TRY(const bool cut, flag(payload, "refLimitExceeded"));
  if (!payload["changes"].is_array()) {
    return fail(ErrorClass::protocol, "changes is not a list");
  }
  for (const Json& item : payload["changes"].items()) {
    RefChange change;
    FRESHET_TRY(const std::string ref, required_text(item["ref"], "id"));
    FRESHET_TRY(change.ref, full_ref(ref, "ref.id"));
    FRESHET_TRY(change.before, object_id(item, "fromHash"));
    FRESHET_TRY(change.after, object_id(item, "toHash"));
    delivery.changes.push_back(std::move(change));
  }
  return with_all_changes(std::move(delivery), cut);
}

/// Data Center's "repo:modified", which has the repository as it was and as it is.
Result<Delivery> read_modified(const Json& payload) {
  FRESHET_TRY(Delivery delivery, begin(payload["new"], Delivery::Kind::repository_changed));
  FRESHET_TRY(delivery.former, read_names(payload["old"]));
  if (delivery.former == delivery.repository) {
    delivery.former = {};
  }
  return delivery;
}

/// Data Center's pull requests, which belong to the repository that they shall be merged into.
Result<Delivery> read_pull_request(const Json& payload) {
  const Json& request = payload["pullRequest"];
  FRESHET_TRY(Delivery delivery,
              begin(request["toRef"]["repository"], Delivery::Kind::refs_changed));
  RefChange from{RefName("from"), std::nullopt, std::nullopt};
  FRESHET_TRY(from.before, object_id(payload, "previousFromHash"));
  FRESHET_TRY(from.after, object_id(request["fromRef"], "latestCommit"));
  FRESHET_CHECK(add_request(delivery, "refs/pull-requests", request["id"], "pullRequest.id",
                            std::move(from)));
  return delivery;
}

const JsonFields& fields() {
  static const JsonFields kFields{
      "repository.full_name",
      "repository.slug",
      "repository.project.key",
      "repository.links.html.href",
      "repository.links.clone.href",
      "push.changes.new.type",
      "push.changes.new.name",
      "push.changes.new.target.hash",
      "push.changes.old.type",
      "push.changes.old.name",
      "push.changes.old.target.hash",
      "changes.full_name.old",
      "changes.ref.id",
      "changes.fromHash",
      "changes.toHash",
      "refLimitExceeded",
      "old.slug",
      "old.project.key",
      "old.links.clone.href",
      "new.slug",
      "new.project.key",
      "new.links.clone.href",
      "previousFromHash",
      "pullRequest.id",
      "pullRequest.fromRef.latestCommit",
      "pullRequest.toRef.repository.slug",
      "pullRequest.toRef.repository.project.key",
      "pullRequest.toRef.repository.links.clone.href",
  };
  return kFields;
}

}  // namespace

const Forge& bitbucket() {
  static const Forge kForge{
      .name = "bitbucket",
      .event_headers = {"X-Event-Key"},
      .id_headers = {"X-Request-UUID", "X-Request-Id"},
      .signature_headers = {"X-Hub-Signature"},
      .begin_check = begin_check,
      .fields = &fields(),
      .readers = {{"diagnostics:ping", read_ping},
                  {"repo:push", read_cloud_push},
                  {"repo:updated", read_cloud_update},
                  {"repo:refs_changed", read_refs_changed},
                  {"mirror:repo_synchronized", read_refs_changed},
                  {"repo:modified", read_modified},
                  {"pr:opened", read_pull_request},
                  {"pr:from_ref_updated", read_pull_request},
                  {"pr:to_ref_updated", read_pull_request},
                  {"pr:modified", read_pull_request},
                  {"pr:merged", read_pull_request},
                  {"pr:declined", read_pull_request},
                  {"pr:deleted", read_pull_request}},
  };
  return kForge;
}

}  // namespace freshet::webhook
