#include "admin/status_page.h"

#include <string_view>

#include "admin/page_sources.h"
#include "base/base64.h"
#include "base/hmac.h"

namespace freshet::admin {
namespace {

std::string replaced(std::string text, std::string_view mark, std::string_view with) {
  return text.replace(text.find(mark), mark.size(), with);
}

/// As a content security policy names an inline element by what it holds.
std::string source_hash(std::string_view content) {
  const Sha256 digest = sha256(content);
  return "'sha256-" + to_base64({reinterpret_cast<const char*>(digest.data()), digest.size()}) +
         "'";
}

}  // namespace

StatusPage::StatusPage() {
  const PageSources& sources = page_sources();
  std::string script;
  for (const std::string_view part : sources.scripts) {
    script += part;
  }
  document_ = replaced(std::string(sources.html), "{{style}}", sources.style);
  document_ = replaced(std::move(document_), "{{script}}", script);
  policy_ = "default-src 'none'; script-src " + source_hash(script) + "; style-src " +
            source_hash(sources.style) +
            "; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'";
}

http::Response StatusPage::show() const {
  http::Response response;
  response.content_type = "text/html; charset=utf-8";
  response.body = document_;
  response.headers = {{"Content-Security-Policy", policy_}, {"Referrer-Policy", "no-referrer"}};
  return response;
}

}  // namespace freshet::admin
