#include "http/stream.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace freshet::http {
namespace {

class PlainStream final : public Stream {
 public:
  explicit PlainStream(UniqueFd socket) : socket_(std::move(socket)) {}

  Moved read(char* buffer, std::size_t size) override {
    ssize_t count = 0;
    do {
      count = ::recv(socket_.get(), buffer, size, 0);
    } while (count < 0 && errno == EINTR);
    return result(count, State::wait_readable);
  }

  Moved write(std::string_view bytes) override {
    ssize_t count = 0;
    do {
      count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    return result(count, State::wait_writable);
  }

  void end_writing() override { ::shutdown(socket_.get(), SHUT_WR); }
  int descriptor() const override { return socket_.get(); }

 private:
  static Moved result(ssize_t count, State otherwise) {
    if (count > 0) {
      return {State::moved, static_cast<std::size_t>(count)};
    }
    const bool again = count < 0 && (errno == EAGAIN);
    return {again ? otherwise : State::ended, 0};
  }

  UniqueFd socket_;
};

}  // namespace

std::unique_ptr<Stream> plain_stream(UniqueFd socket) {
  return std::make_unique<PlainStream>(std::move(socket));
}

}  // namespace freshet::http
