#include "remote/http_upstream.h"

#include "remote/arrival.h"
#include "remote/http_fetch.h"

namespace freshet::remote {
namespace {

tl::unexpected<Error> speaks_no_version_2() {
  return fail(ErrorClass::protocol, "the upstream does not speak version 2 of git's protocol");
}

}  // namespace

HttpUpstream::HttpUpstream(UpstreamUrl url, HttpClient& client, Credentials* credentials,
                           std::shared_ptr<RemoteMemory> memory, const GitEnvironment& environment,
                           std::unique_ptr<Upstream> old_versions)
    : url_(std::move(url)),
      client_(client),
      credentials_(credentials),
      memory_(std::move(memory)),
      environment_(environment),
      old_versions_(std::move(old_versions)) {}

Result<std::optional<HttpLogin>> HttpUpstream::find_login(const CancelToken& cancel) const {
  return credentials_ != nullptr ? credentials_->http_login(url_, cancel)
                                 : Result<std::optional<HttpLogin>>(std::nullopt);
}

HttpUpstream::Query HttpUpstream::make_query(const std::optional<HttpLogin>& login,
                                             const TimeLimits& limits,
                                             const CancelToken& cancel) const {
  return std::make_shared<const RemoteQuery>(
      RemoteQuery{client_, memory_,
                  HttpAccess{url_, login ? basic_authorization(*login) : Secret(),
                             credentials_ != nullptr ? credentials_->ca_file(url_) : ""},
                  limits, cancel});
}

/// Once more with a fresh login when the first was refused and there is a better one.
template <class T>
Result<T> HttpUpstream::signed_in(const TimeLimits& limits, const CancelToken& cancel,
                                  const std::function<Attempt<T>(const Query&)>& operation) const {
  for (bool again = false;; again = true) {
    FRESHET_TRY(const std::optional<HttpLogin> login, find_login(cancel));
    Attempt<T> result = operation(make_query(login, limits, cancel));
    if (result) {
      return *std::move(result);
    }
    if (again || !login || !result.error().refused || !credentials_->rejected(url_, *login)) {
      return fail(std::move(result).error().error);
    }
  }
}

Result<Advertisement> HttpUpstream::list_refs(const std::vector<RefPattern>& patterns,
                                              const TimeLimits& limits, const CancelToken& cancel) {
  FRESHET_TRY(
      std::optional<Advertisement> answer,
      signed_in<std::optional<Advertisement>>(limits, cancel, [&](const Query& query) {
        return wait_for<RefsAnswer>([&](auto done) { ask_refs(query, patterns, std::move(done)); });
      }));
  if (answer) {
    return *std::move(answer);
  }
  return old_versions_ ? old_versions_->list_refs(patterns, limits, cancel) : speaks_no_version_2();
}

bool HttpUpstream::lists_without_blocking() const {
  return !memory_->speaks_old_only(now());
}

void HttpUpstream::list_refs_async(const std::vector<RefPattern>& patterns,
                                   const TimeLimits& limits, const CancelToken& cancel,
                                   std::function<void(Result<Advertisement>)> done) {
  const auto login = find_login(cancel);
  if (!login) {
    done(fail(login.error()));
    return;
  }
  ask_refs(make_query(*login, limits, cancel), patterns,
           [done = std::move(done)](RefsAnswer answer) {
             if (!answer) {
               done(fail(std::move(answer).error().error));
             } else if (!*answer) {
               done(speaks_no_version_2());
             } else {
               done(**std::move(answer));
             }
           });
}

Result<FetchReport> HttpUpstream::fetch(const FetchRequest& request, const CancelToken& cancel) {
  if (request.wants.empty()) {
    return FetchReport{};
  }
  FRESHET_TRY(
      std::optional<FetchReport> report,
      signed_in<std::optional<FetchReport>>(
          request.limits, cancel, [&](const Query& query) { return fetch_with(query, request); }));
  if (report) {
    return *std::move(report);
  }
  return old_versions_ ? old_versions_->fetch(request, cancel) : speaks_no_version_2();
}

/// nullopt: it takes another Upstream.
Attempt<std::optional<FetchReport>> HttpUpstream::fetch_with(const Query& query,
                                                             const FetchRequest& request) const {
  const auto concerns_depth = Fetch::concerns_depth(request);
  if (!concerns_depth) {
    return fail_with({concerns_depth.error()});
  }
  for (bool again = false;; again = true) {
    const auto server =
        wait_for<ServerAnswer>([&](auto done) { ask_server(query, std::move(done)); });
    if (!server) {
      return fail_with(server.error());
    }
    if (!*server || (*concerns_depth && !(*server)->capabilities.shallow)) {
      return std::nullopt;
    }
    HttpFetch transport(query, **server);
    auto report = Fetch(transport, request, environment_, query->cancel).run();
    if (report) {
      return report;
    }
    if (again || !report.error().odd) {
      return fail_with(report.error());
    }
    memory_->forget();
  }
}

}  // namespace freshet::remote
