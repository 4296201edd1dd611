#include "webhook/payload.h"

#include <algorithm>
#include <cctype>

namespace freshet::webhook {
namespace {

tl::unexpected<Error> unreadable(std::string_view field, std::string_view what) {
  return fail(ErrorClass::protocol, std::string(field) + " " + std::string(what));
}

}  // namespace

Delivery Delivery::ping() {
  Delivery delivery;
  delivery.kind = Kind::ping;
  return delivery;
}

Delivery Delivery::ignore(std::string reason) {
  Delivery delivery;
  delivery.reason = std::move(reason);
  return delivery;
}

Result<Delivery> read_event(const std::vector<EventReader>& readers, std::string_view event,
                            const Json& payload) {
  const auto reader =
      std::find_if(readers.begin(), readers.end(),
                   [&](const EventReader& candidate) { return candidate.event == event; });
  return reader != readers.end() ? reader->read(payload)
                                 : Delivery::ignore("this event changes no ref");
}

Result<std::optional<std::string>> optional_text(const Json& object, std::string_view field) {
  const Json& value = object[field];
  if (value.is_null()) {
    return std::nullopt;
  }
  if (!value.is_text()) {
    return unreadable(field, "is not a text");
  }
  return value.text();
}

Result<std::string> required_text(const Json& object, std::string_view field) {
  FRESHET_TRY(const std::optional<std::string> text, optional_text(object, field));
  if (!text || text->empty()) {
    return unreadable(field, "is missing");
  }
  return *text;
}

Result<bool> flag(const Json& object, std::string_view field) {
  const Json& value = object[field];
  if (!value.is_null() && !value.boolean()) {
    return unreadable(field, "is neither true nor false");
  }
  return value.boolean().value_or(false);
}

Result<std::optional<ObjectId>> object_id(const Json& object, std::string_view field) {
  FRESHET_TRY(std::optional<std::string> text, optional_text(object, field));
  if (!text) {
    return std::nullopt;
  }
  std::transform(text->begin(), text->end(), text->begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::optional<ObjectId> id = ObjectId::parse(*text);
  if (!id) {
    return unreadable(field, "is not a full object id");
  }
  return id->is_zero() ? std::nullopt : id;
}

Result<RefName> full_ref(std::string_view text, std::string_view field) {
  std::optional<RefName> ref = parse_ref(text);
  if (!ref || !text.starts_with("refs/")) {
    return unreadable(field, "is not a ref name");
  }
  return std::move(*ref);
}

std::optional<RefName> branch(std::string_view short_name) {
  return parse_ref("refs/heads/" + std::string(short_name));
}

Result<RefChange> read_change(const Json& object, const ChangeFields& fields) {
  RefChange change;
  FRESHET_TRY(const std::string ref, required_text(object, fields.ref));
  FRESHET_TRY(change.ref, full_ref(ref, fields.ref));
  FRESHET_TRY(change.before, object_id(object, fields.before));
  FRESHET_TRY(change.after, object_id(object, fields.after));
  return change;
}

Result<> add_request(Delivery& delivery, std::string_view folder, const Json& number,
                     std::string_view field, RefChange head) {
  if (number.integer().value_or(0) <= 0) {
    return unreadable(field, "is not the number of a request");
  }
  const std::string prefix = std::string(folder) + "/" + std::to_string(*number.integer()) + "/";
  head.ref = RefName(prefix + head.ref.text());
  delivery.changes.push_back(std::move(head));
  delivery.changes.push_back({RefName(prefix + "merge"), std::nullopt, std::nullopt});
  return {};
}

Result<> collect_texts(const Json& object, std::initializer_list<std::string_view> fields,
                       std::vector<std::string>& texts) {
  for (const std::string_view field : fields) {
    FRESHET_TRY(std::optional<std::string> text, optional_text(object, field));
    if (text && !text->empty()) {
      texts.push_back(std::move(*text));
    }
  }
  return {};
}

Result<Identity> read_identity(const Json& repository) {
  if (!repository.is_null() && !repository.is_object()) {
    return unreadable("repository", "is not an object");
  }
  Identity identity;
  FRESHET_CHECK(
      collect_texts(repository, {"clone_url", "ssh_url", "html_url", "git_url"}, identity.urls));
  FRESHET_CHECK(collect_texts(repository, {"full_name"}, identity.full_names));
  return identity;
}

Identity with_full_name(const Identity& identity, const std::string& old_full_name) {
  Identity former;
  former.full_names.push_back(old_full_name);
  for (const std::string& url : identity.urls) {
    for (const std::string& full_name : identity.full_names) {
      const std::string_view stem =
          std::string_view(url).substr(0, url.ends_with(".git") ? url.size() - 4 : url.size());
      if (stem.ends_with(full_name)) {
        former.urls.push_back(std::string(stem.substr(0, stem.size() - full_name.size())) +
                              old_full_name);
      }
    }
  }
  return former;
}

}  // namespace freshet::webhook
