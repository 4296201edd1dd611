#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "remote/curl_transfer.h"

namespace freshet::remote {
namespace {

constexpr long kPackBuffer = 256L * 1024;
constexpr long kKeepIdleSeconds = 300;  ///< a connection nobody used for so long is not used again
constexpr long kAuthoritiesSeconds = 600;  ///< how long libcurl keeps the certificates it read
/// Unanswered bytes for so long mean that the connection is dead: libcurl then takes a new one.
constexpr int kUnansweredMilliseconds = 10'000;

bool is_token(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return c > ' ' && c < 0x7F && c != ':';
  });
}

bool is_line(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return (c >= ' ' && c != 0x7F) || c == '\t'; });
}

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

int prepare_socket(void* /*data*/, curl_socket_t descriptor, curlsocktype /*purpose*/) {
  const int limit = kUnansweredMilliseconds;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit);
  return CURL_SOCKOPT_OK;
}

bool append(HeaderList& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) {
    return false;
  }
  [[maybe_unused]] curl_slist* old = list.release();
  list.reset(longer);
  return true;
}

void set_connection(EasyOptions& options, bool secure, bool own_connection) {
  const bool multiplexed = secure && !own_connection;
  options
      .set(CURLOPT_HTTP_VERSION,
           multiplexed ? long{CURL_HTTP_VERSION_2TLS} : long{CURL_HTTP_VERSION_1_1})
      .set(CURLOPT_PIPEWAIT, multiplexed ? 1L : 0L)
      .set(CURLOPT_PROTOCOLS_STR, "http,https")
      .set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
      .set(CURLOPT_FOLLOWLOCATION, 0L)
      .set(CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2})
      .set(CURLOPT_CA_CACHE_TIMEOUT, kAuthoritiesSeconds)
      .set(CURLOPT_TCP_KEEPALIVE, 1L)
      .set(CURLOPT_TCP_KEEPIDLE, 60L)
      .set(CURLOPT_TCP_KEEPINTVL, 15L)
      .set(CURLOPT_SOCKOPTFUNCTION, &prepare_socket)
      .set(CURLOPT_MAXAGE_CONN, kKeepIdleSeconds)
      .set(CURLOPT_NOSIGNAL, 1L)
      .set(CURLOPT_QUICK_EXIT, 1L)  // a slow name lookup must not hold up the others
      .set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

}  // namespace

Result<void> CurlTransfer::prepare(EasyHandle handle, const Settings& settings) {
  easy_ = std::move(handle);
  error_text_.front() = '\0';
  paused_ = false;
  FRESHET_CHECK(write_headers());
  EasyOptions options(easy_.get());
  const char* directory = settings.ca_directory.empty() ? nullptr : settings.ca_directory.c_str();
  options.set(CURLOPT_PRIVATE, this)
      .set(CURLOPT_ERRORBUFFER, error_text_.data())
      .set(CURLOPT_URL, address.url.c_str())
      .set(CURLOPT_HTTPHEADER, headers_.get())
      .set(CURLOPT_USERAGENT, settings.user_agent.c_str())
      .set(CURLOPT_CAINFO, settings.ca_file.c_str())
      // The directory keeps libcurl from using what it read of the file again.
      .set(CURLOPT_CAPATH, directory)
      .set(CURLOPT_CONNECTTIMEOUT_MS,
           static_cast<long>(starting_limit(settings.connect_limit).count()))
      .set(CURLOPT_HEADERFUNCTION, &take_header)
      .set(CURLOPT_HEADERDATA, this)
      .set(CURLOPT_WRITEFUNCTION, &take_body)
      .set(CURLOPT_WRITEDATA, this)
      .set(CURLOPT_PREREQFUNCTION, &take_connection)
      .set(CURLOPT_PREREQDATA, this);
  set_connection(options, address.secure, order.request.body_to != nullptr);
  set_method(options);
  if (retries_ == kMostRetries) {
    options.set(CURLOPT_FRESH_CONNECT, 1L);
  }
  if (options.result() == CURLE_OUT_OF_MEMORY) {
    return fail(ErrorClass::internal, "no memory for a request");
  }
  if (options.result() != CURLE_OK) {
    return fail(explain_curl({options.result(), {}, 0}, address.name(), settings.connect_limit));
  }
  return {};
}

Result<void> CurlTransfer::write_headers() {
  headers_.reset();
  bool fits = append(headers_, "Expect:");
  bool names_type = false;
  for (const auto& [name, value] : order.request.headers) {
    if (!is_token(name) || !is_line(value)) {
      return fail(ErrorClass::config, fmt::format("a header for {} holds characters that no "
                                                  "header may hold",
                                                  address.name()));
    }
    names_type = names_type || same_name(name, "content-type");
    fits =
        fits && append(headers_, value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
  }
  if (!names_type) {
    fits = fits && append(headers_, "Content-Type:");  // libcurl would call it a form
  }
  if (!order.request.authorization.empty()) {
    if (!is_line(order.request.authorization.reveal())) {
      return fail(ErrorClass::config,
                  fmt::format("the credentials for {} hold a line break or another control "
                              "character",
                              address.name()));
    }
    constexpr std::string_view kName = "Authorization: ";
    std::string line;
    line.reserve(kName.size() + order.request.authorization.reveal().size());  // one copy to wipe
    line += kName;
    line += order.request.authorization.reveal();
    fits = fits && append(headers_, line);
    ::explicit_bzero(line.data(), line.size());
  }
  if (!fits) {
    return fail(ErrorClass::internal, "no memory for a request");
  }
  return {};
}

void CurlTransfer::set_method(EasyOptions& options) {
  const HttpRequest& request = order.request;
  if (request.body_to != nullptr) {
    options.set(CURLOPT_BUFFERSIZE, kPackBuffer);
  } else if (std::none_of(request.headers.begin(), request.headers.end(), [](const auto& header) {
               return same_name(header.first, "accept-encoding");
             })) {
    options.set(CURLOPT_ACCEPT_ENCODING, "gzip");
  }
  if (request.method == "HEAD") {
    options.set(CURLOPT_NOBODY, 1L);
    return;
  }
  if (request.method != "GET" || !request.body.empty()) {
    options.set(CURLOPT_POST, 1L)
        .set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()))
        .set(CURLOPT_POSTFIELDS, request.body.data());
  }
  if (request.method != "POST" && (request.method != "GET" || !request.body.empty())) {
    options.set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
}

}  // namespace freshet::remote
