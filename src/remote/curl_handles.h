#pragma once

#include <curl/curl.h>

#include <memory>

#include "base/result.h"

namespace freshet::remote {

// libcurl's handles, owned. The one file that includes libcurl's headers.

struct EasyDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct MultiDeleter {
  void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};
struct ShareDeleter {
  void operator()(CURLSH* handle) const { curl_share_cleanup(handle); }
};
struct UrlDeleter {
  void operator()(CURLU* handle) const { curl_url_cleanup(handle); }
};
struct CurlStringDeleter {
  void operator()(char* text) const { curl_free(text); }
};
/// Overwrites the lines before it frees them: one may be an Authorization header.
struct HeaderListDeleter {
  void operator()(curl_slist* list) const;
};

using EasyHandle = std::unique_ptr<CURL, EasyDeleter>;
using MultiHandle = std::unique_ptr<CURLM, MultiDeleter>;
using ShareHandle = std::unique_ptr<CURLSH, ShareDeleter>;
using UrlHandle = std::unique_ptr<CURLU, UrlDeleter>;
using CurlString = std::unique_ptr<char, CurlStringDeleter>;
using HeaderList = std::unique_ptr<curl_slist, HeaderListDeleter>;

/// Sets options one after another and remembers the first that failed.
class EasyOptions {
 public:
  explicit EasyOptions(CURL* handle) : handle_(handle) {}
  template <class Value>
  EasyOptions& set(CURLoption option, Value value) {
    if (result_ == CURLE_OK) {
      result_ = curl_easy_setopt(handle_, option, value);
    }
    return *this;
  }
  CURLcode result() const { return result_; }

 private:
  CURL* handle_;
  CURLcode result_ = CURLE_OK;
};

/// Before the first handle; as often as one likes, from any thread. Error internal: libcurl cannot
/// start.
Result<void> start_libcurl();

}  // namespace freshet::remote
