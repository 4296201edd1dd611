#include "remote/curl_handles.h"

#include <cstring>

namespace freshet::remote {

void HeaderListDeleter::operator()(curl_slist* list) const {
  for (curl_slist* line = list; line != nullptr; line = line->next) {
    ::explicit_bzero(line->data, std::strlen(line->data));
  }
  curl_slist_free_all(list);
}

Result<void> start_libcurl() {
  static const CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (result != CURLE_OK) {
    return fail(ErrorClass::internal,
                std::string("libcurl cannot start: ") + curl_easy_strerror(result));
  }
  return {};
}

}  // namespace freshet::remote
