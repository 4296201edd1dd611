#include "http/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>

#include "http/answer.h"

namespace freshet::http {
namespace {

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

int clamp(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
}

class TlsStream final : public Stream {
 public:
  TlsStream(UniqueFd socket, std::shared_ptr<const TlsContext> context)
      : socket_(std::move(socket)),
        context_(std::move(context)),
        ssl_(SSL_new(context_->handle())) {
    broken_ = !ssl_ || SSL_set_fd(ssl_.get(), socket_.get()) != 1;
  }
  ~TlsStream() override { say_goodbye(); }
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  State handshake() override {
    if (broken_) {
      return State::ended;
    }
    ERR_clear_error();
    const int result = SSL_accept(ssl_.get());
    if (result == 1) {
      shaken_ = true;
      return State::moved;
    }
    const bool plain = ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
    const State state = state_after(result);
    if (plain) {
      refuse_plain();
    }
    return state;
  }

  Moved read(char* buffer, std::size_t size) override {
    if (broken_) {
      return {};
    }
    ERR_clear_error();
    const int count = SSL_read(ssl_.get(), buffer, clamp(size));
    return count > 0 ? Moved{State::moved, static_cast<std::size_t>(count)}
                     : Moved{state_after(count), 0};
  }

  Moved write(std::string_view bytes) override {
    if (broken_) {
      return {};
    }
    ERR_clear_error();
    const int count = SSL_write(ssl_.get(), bytes.data(), clamp(bytes.size()));
    if (count > 0) {
      return {State::moved, static_cast<std::size_t>(count)};
    }
    // Only a renegotiation would have to read first.
    return {state_after(count) == State::wait_writable ? State::wait_writable : State::ended, 0};
  }

  bool holds_bytes() const override { return !broken_ && SSL_pending(ssl_.get()) > 0; }

  void end_writing() override {
    say_goodbye();
    ::shutdown(socket_.get(), SHUT_WR);
  }
  int descriptor() const override { return socket_.get(); }

 private:
  State state_after(int result) {
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return State::wait_readable;
      case SSL_ERROR_WANT_WRITE:
        return State::wait_writable;
      case SSL_ERROR_ZERO_RETURN:
        return State::ended;
      default:
        // After such a failure OpenSSL allows nothing more.
        broken_ = true;
        return State::ended;
    }
  }

  /// "close_notify", as far as it goes without waiting: without it the other side must take the end
  /// for an attack.
  void say_goodbye() {
    if (!broken_ && shaken_ && !said_goodbye_) {
      said_goodbye_ = true;
      ERR_clear_error();
      SSL_shutdown(ssl_.get());
    }
  }

  /// Somebody speaks HTTP to the HTTPS port; a courtesy, as far as it goes.
  void refuse_plain() const {
    const std::string bytes =
        serialize(error_response(400, "tls_required", "this port speaks HTTPS"),
                  {.head_only = false, .keep_alive = false});
    ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(socket_.get(), SHUT_WR);
    // What is left unread would make the kernel take the answer back.
    std::array<char, 4096> rest{};
    while (::recv(socket_.get(), rest.data(), rest.size(), MSG_DONTWAIT) ==
           static_cast<ssize_t>(rest.size())) {
    }
  }

  UniqueFd socket_;
  std::shared_ptr<const TlsContext> context_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  bool broken_ = false;
  bool shaken_ = false;
  bool said_goodbye_ = false;
};

}  // namespace

std::unique_ptr<Stream> tls_stream(UniqueFd socket, std::shared_ptr<const TlsContext> context) {
  return std::make_unique<TlsStream>(std::move(socket), std::move(context));
}

}  // namespace freshet::http
