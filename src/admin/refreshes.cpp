#include "admin/refreshes.h"

#include "admin/query.h"
#include "admin/views.h"

namespace freshet::admin {
namespace {

Result<state::RefreshQuery> read_query(const RepositoryName& name, const http::Request& request) {
  state::RefreshQuery query{name.text()};
  FRESHET_TRY(query.limit, limit_of(request, query.limit));
  FRESHET_TRY(query.before, optional_number(request, "before"));
  return query;
}

Result<std::vector<state::RefreshRow>> read(const state::Ledger& ledger,
                                            const state::RefreshQuery& query) {
  FRESHET_TRY(state::LedgerReader reader, ledger.reader());
  return reader.refreshes(query);
}

}  // namespace

http::Response list_refreshes(const state::Store& store, state::Ledger& ledger,
                              const RepositoryName& name, const http::Request& request) {
  if (!store.find(name)) {
    return unknown_repository(name);
  }
  const auto query = read_query(name, request);
  if (!query) {
    return error_response(400, "invalid", query.error().message);
  }
  const auto rows = read(ledger, *query);
  if (!rows) {
    return unreadable_ledger(ledger, rows.error());
  }
  return json_response(200, Json::object({{"refreshes", views(*rows)}}));
}

}  // namespace freshet::admin
