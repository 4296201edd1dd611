#include <algorithm>
#include <array>

#include "webhook/forge.h"
#include "webhook/standard_webhooks.h"

namespace freshet::webhook {
namespace {

/// Whoever shows the secret itself in X-Gitlab-Token, or a Standard Webhooks signature where GitLab
/// has a signing token, is GitLab.
class GitLabCheck final : public SignatureCheck {
 public:
  GitLabCheck(const http::Headers& headers, const std::vector<Secret>& secrets, WallTime now) {
    compare_token(headers, secrets);
    if (has_standard_signature(headers)) {
      signature_.emplace(standard_claim(headers, now), standard_keys(secrets),
                         standard_prefix(headers));
    }
    if (!by_token_) {
      problem_ = signature_ ? signature_->problem() : token_problem(headers);
    }
  }

  void update(std::string_view bytes) override {
    if (signature_) {
      signature_->update(bytes);
    }
  }

  std::optional<std::size_t> finish() override {
    const auto by_signature = signature_ ? signature_->finish() : std::nullopt;
    return by_token_ ? by_token_ : by_signature;
  }

  std::string_view problem() const override { return problem_; }

 private:
  void compare_token(const http::Headers& headers, const std::vector<Secret>& secrets) {
    const std::string_view token = headers.find("X-Gitlab-Token").value_or("");
    const bool usable = headers.count("X-Gitlab-Token") == 1 && !token.empty();
    // Of the same length, so that the time does not tell how long a secret is.
    const Sha256 claimed = sha256(token);
    for (std::size_t i = 0; i < secrets.size(); ++i) {
      const Sha256 expected = sha256(secrets[i].reveal());
      const bool same = equal_in_constant_time(bytes_of(claimed), bytes_of(expected));
      if (same && usable && !by_token_) {
        by_token_ = i;
      }
    }
  }

  static std::string_view token_problem(const http::Headers& headers) {
    return headers.count("X-Gitlab-Token") == 1
               ? "the X-Gitlab-Token is none of the secrets"
               : "neither one X-Gitlab-Token nor a webhook-signature is there";
  }

  std::optional<std::size_t> by_token_;
  std::optional<HmacCheck> signature_;
  std::string problem_;
};

std::unique_ptr<SignatureCheck> begin_check(const http::Headers& headers,
                                            const std::vector<Secret>& secrets, WallTime now) {
  return std::make_unique<GitLabCheck>(headers, secrets, now);
}

/// The texts below "project"; system hooks about the project itself have them at the top.
Result<Delivery> begin(const Json& payload, Delivery::Kind kind) {
  const Json& project = payload["project"].is_null() ? payload : payload["project"];
  if (!project.is_object()) {
    return fail(ErrorClass::protocol, "project is not an object");
  }
  Delivery delivery;
  delivery.kind = kind;
  FRESHET_CHECK(
      collect_texts(project, {"git_http_url", "git_ssh_url", "web_url"}, delivery.repository.urls));
  // Before GitLab had the project, it was a "repository".
  FRESHET_CHECK(collect_texts(payload["repository"], {"git_http_url", "git_ssh_url", "homepage"},
                              delivery.repository.urls));
  FRESHET_CHECK(collect_texts(project, {"path_with_namespace"}, delivery.repository.full_names));
  delivery.default_branch = branch(project["default_branch"].text());
  return delivery;
}

constexpr ChangeFields kChange{"ref", "before", "after"};

Result<Delivery> read_push(const Json& payload) {
  FRESHET_TRY(Delivery delivery, begin(payload, Delivery::Kind::refs_changed));
  FRESHET_TRY(RefChange change, read_change(payload, kChange));
  delivery.changes.push_back(std::move(change));
  return delivery;
}

/// One event for all refs of a push.
Result<Delivery> read_repository_update(const Json& payload) {
  FRESHET_TRY(Delivery delivery, begin(payload, Delivery::Kind::refs_changed));
  for (const Json& item : payload["changes"].items()) {
    FRESHET_TRY(RefChange change, read_change(item, kChange));
    delivery.changes.push_back(std::move(change));
  }
  if (delivery.changes.empty()) {
    delivery.kind = Delivery::Kind::repository_changed;
  }
  return delivery;
}

Result<Delivery> read_merge_request(const Json& payload) {
  const Json& request = payload["object_attributes"];
  FRESHET_TRY(const std::optional<std::string> action, optional_text(request, "action"));
  constexpr std::array<std::string_view, 5> kMoving{"open", "reopen", "update", "merge", "close"};
  if (action && std::find(kMoving.begin(), kMoving.end(), *action) == kMoving.end()) {
    return Delivery::ignore("this merge request action moves no ref");
  }
  FRESHET_TRY(Delivery delivery, begin(payload, Delivery::Kind::refs_changed));
  RefChange head{RefName("head"), std::nullopt, std::nullopt};
  FRESHET_TRY(head.before, object_id(request, "oldrev"));
  FRESHET_TRY(head.after, object_id(request["last_commit"], "id"));
  FRESHET_CHECK(add_request(delivery, "refs/merge-requests", request["iid"],
                            "object_attributes.iid", std::move(head)));
  return delivery;
}

Result<Delivery> read_release(const Json& payload) {
  FRESHET_TRY(Delivery delivery, begin(payload, Delivery::Kind::refs_changed));
  FRESHET_TRY(const std::string tag, required_text(payload, "tag"));
  RefChange change;
  FRESHET_TRY(change.ref, full_ref("refs/tags/" + tag, "tag"));
  delivery.changes.push_back(std::move(change));
  return delivery;
}

/// "project_update": a default branch that changed is one reason among others; which one it was is
/// not said.
Result<Delivery> read_project_update(const Json& payload) {
  return begin(payload, Delivery::Kind::repository_changed);
}

/// "project_rename" and "project_transfer".
Result<Delivery> read_project_move(const Json& payload) {
  FRESHET_TRY(Delivery delivery, begin(payload, Delivery::Kind::repository_changed));
  FRESHET_TRY(const std::string former, required_text(payload, "old_path_with_namespace"));
  delivery.former = with_full_name(delivery.repository, former);
  return delivery;
}

/// System hooks, of a whole server, say in the payload which event they are.
Result<Delivery> read_system_hook(const Json& payload) {
  FRESHET_TRY(std::optional<std::string> event, optional_text(payload, "event_name"));
  if (!event) {
    FRESHET_TRY(event, optional_text(payload, "object_kind"));
  }
  if (!event) {
    return fail(ErrorClass::protocol, "event_name is missing");
  }
  static const std::vector<EventReader> kReaders{
      {"push", read_push},
      {"tag_push", read_push},
      {"repository_update", read_repository_update},
      {"merge_request", read_merge_request},
      {"project_update", read_project_update},
      {"project_rename", read_project_move},
      {"project_transfer", read_project_move},
  };
  return read_event(kReaders, *event, payload);
}

const JsonFields& fields() {
  static const JsonFields kFields{
      "event_name",
      "object_kind",
      "ref",
      "before",
      "after",
      "tag",
      "changes.ref",
      "changes.before",
      "changes.after",
      "object_attributes.iid",
      "object_attributes.action",
      "object_attributes.oldrev",
      "object_attributes.last_commit.id",
      "path_with_namespace",
      "old_path_with_namespace",
      "project.path_with_namespace",
      "project.git_http_url",
      "project.git_ssh_url",
      "project.web_url",
      "project.default_branch",
      "repository.git_http_url",
      "repository.git_ssh_url",
      "repository.homepage",
  };
  return kFields;
}

}  // namespace

const Forge& gitlab() {
  static const Forge kForge{
      .name = "gitlab",
      .event_headers = {"X-Gitlab-Event"},
      .id_headers = {"Idempotency-Key", "webhook-id", "X-Gitlab-Event-UUID"},
      .signature_headers = {"X-Gitlab-Token", "webhook-signature"},
      .begin_check = begin_check,
      .fields = &fields(),
      .readers = {{"Push Hook", read_push},
                  {"Tag Push Hook", read_push},
                  {"Merge Request Hook", read_merge_request},
                  {"Release Hook", read_release},
                  {"System Hook", read_system_hook}},
  };
  return kForge;
}

}  // namespace freshet::webhook
