#include "remote/curl_errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "base/quantity.h"
#include "base/url.h"

namespace freshet::remote {
namespace {

struct Meaning {
  CURLcode code;
  ErrorClass error_class;
  const char* text;  ///< {0}: the host, {1}: libcurl's own text
};

constexpr std::array kMeanings{
    Meaning{CURLE_COULDNT_RESOLVE_HOST, ErrorClass::network, "cannot find the address of {0}"},
    Meaning{CURLE_COULDNT_RESOLVE_PROXY, ErrorClass::network,
            "cannot find the address of the proxy for {0}"},
    Meaning{CURLE_COULDNT_CONNECT, ErrorClass::network, "no connection to {0} ({1})"},
    Meaning{CURLE_PEER_FAILED_VERIFICATION, ErrorClass::network,
            "the certificate of {0} is not trusted ({1}); if it is right, name the file of its "
            "authority as ca_file of a [[credential]]"},
    Meaning{CURLE_SSL_CONNECT_ERROR, ErrorClass::network, "no TLS connection to {0} ({1})"},
    Meaning{CURLE_SSL_CACERT_BADFILE, ErrorClass::config,
            "the certificate authorities to check {0} with cannot be read ({1}); install "
            "ca-certificates or correct ca_file"},
    Meaning{CURLE_GOT_NOTHING, ErrorClass::network, "{0} closed the connection without an answer"},
    Meaning{CURLE_PARTIAL_FILE, ErrorClass::network,
            "{0} closed the connection in the middle of its answer"},
    Meaning{CURLE_RECV_ERROR, ErrorClass::network, "the connection to {0} broke off ({1})"},
    Meaning{CURLE_SEND_ERROR, ErrorClass::network, "the connection to {0} broke off ({1})"},
    Meaning{CURLE_HTTP2, ErrorClass::network, "the connection to {0} broke off ({1})"},
    Meaning{CURLE_HTTP2_STREAM, ErrorClass::network, "{0} broke off its answer ({1})"},
    Meaning{CURLE_PROXY, ErrorClass::network, "the proxy for {0} does not let us through ({1})"},
    Meaning{CURLE_UNSUPPORTED_PROTOCOL, ErrorClass::protocol, "{0} does not speak HTTP"},
    Meaning{CURLE_WEIRD_SERVER_REPLY, ErrorClass::protocol, "{0} does not speak HTTP ({1})"},
    Meaning{CURLE_BAD_CONTENT_ENCODING, ErrorClass::protocol,
            "the answer of {0} cannot be decompressed"},
    Meaning{CURLE_URL_MALFORMAT, ErrorClass::config, "the URL for {0} cannot be used"},
    // What libcurl makes of a line of a head that has no end; malloc itself does not fail here.
    Meaning{CURLE_OUT_OF_MEMORY, ErrorClass::protocol, "the answer of {0} has too large a head"},
};

}  // namespace

Error connect_timeout(std::string_view host, Duration limit) {
  return {ErrorClass::timeout,
          fmt::format("no connection to {} within {}", host, format_duration(limit)), std::nullopt};
}

Error explain_curl(const CurlFailure& failure, std::string_view host, Duration connect_limit) {
  if (failure.code == CURLE_OPERATION_TIMEDOUT) {
    return connect_timeout(host, connect_limit);
  }
  std::string own = redact_urls(
      failure.detail.empty() ? std::string_view(curl_easy_strerror(failure.code)) : failure.detail);
  if (failure.code == CURLE_COULDNT_CONNECT && failure.system_error != 0) {
    own = std::generic_category().message(static_cast<int>(failure.system_error));
  }
  const auto* meaning = std::find_if(kMeanings.begin(), kMeanings.end(), [&](const Meaning& each) {
    return each.code == failure.code;
  });
  if (meaning == kMeanings.end()) {
    return {ErrorClass::network, fmt::format("the request to {} failed ({})", host, own),
            std::nullopt};
  }
  return {meaning->error_class, fmt::format(fmt::runtime(meaning->text), host, own), std::nullopt};
}

}  // namespace freshet::remote
