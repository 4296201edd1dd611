#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "support/git_fixture.h"
#include "support/http_raw_client.h"

namespace freshet::http {

/// A certificate that vouches for itself, with its key, as files.
class TestCertificate {
 public:
  explicit TestCertificate(const std::string& directory, const std::string& name = "localhost",
                           int days = 30)
      : certificate(directory + "/" + name + ".pem"), key(directory + "/" + name + ".key") {
    const ChildResult made =
        freshet::testing::run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                               "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=" + name,
                               "-days", std::to_string(days), "-keyout", key, "-out", certificate});
    if (!made.succeeded()) {
      throw std::runtime_error("openssl: " + made.error_text);
    }
  }

  const std::string certificate;
  const std::string key;
};

/// Speaks TLS over a client's connection and believes any certificate.
class TlsClient {
 public:
  explicit TlsClient(const std::string& address, int version = TLS1_3_VERSION)
      : raw_(address), context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free) {
    SSL_CTX_set_cipher_list(context_.get(), "ALL:@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(context_.get(), version);
    SSL_CTX_set_max_proto_version(context_.get(), version);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), raw_.descriptor());
  }

  bool shake_hands() { return SSL_connect(ssl_.get()) == 1; }

  bool send(std::string_view bytes) {
    return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) ==
           static_cast<int>(bytes.size());
  }

  /// The next answer; its status is 0 when the connection ended without one.
  RawAnswer answer() {
    RawAnswer answer;
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive()) {
        return answer;
      }
    }
    answer.head = buffer_.substr(0, end + 4);
    buffer_.erase(0, end + 4);
    answer.status = std::stoi(answer.head.substr(9, 3));
    const std::size_t length = std::stoul(answer.head.substr(answer.head.find("Length: ") + 8));
    while (buffer_.size() < length && receive()) {
    }
    answer.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    return answer;
  }

  RawAnswer ask(std::string_view bytes) {
    send(bytes);
    return answer();
  }

  /// Whether the other side ends it as TLS wants, so that nobody can have cut it off.
  bool ended_properly() {
    char byte = 0;
    const int got = SSL_read(ssl_.get(), &byte, 1);
    return SSL_get_error(ssl_.get(), got) == SSL_ERROR_ZERO_RETURN;
  }

  /// Offers these protocols, in ALPN's own form; before the handshake.
  void offer(std::string_view protocols) {
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                        static_cast<unsigned>(protocols.size()));
  }
  std::string chosen() const {
    const unsigned char* name = nullptr;
    unsigned length = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &length);
    return {reinterpret_cast<const char*>(name), length};
  }
  /// The name in the certificate that the server showed.
  std::string server_name() const {
    const std::unique_ptr<X509, decltype(&X509_free)> shown(SSL_get1_peer_certificate(ssl_.get()),
                                                            &X509_free);
    char name[256] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown.get()), NID_commonName, name,
                              sizeof name);
    return name;
  }
  bool asks_for_renegotiation() {
    return SSL_renegotiate(ssl_.get()) == 1 && SSL_do_handshake(ssl_.get()) == 1;
  }
  /// Changes the keys of both directions with what is sent next.
  void update_keys() { SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED); }

 private:
  bool receive() {
    char bytes[16 * 1024];
    const int got = SSL_read(ssl_.get(), bytes, sizeof bytes);
    if (got <= 0) {
      return false;
    }
    buffer_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }

  RawClient raw_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, &SSL_free};
  std::string buffer_;
};

}  // namespace freshet::http
