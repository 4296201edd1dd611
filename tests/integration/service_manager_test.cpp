#include "service/manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "base/unique_fd.h"

namespace freshet::service {
namespace {

using ::testing::HasSubstr;

/// What systemd listens on; in force while it lives.
class NotifySocket {
 public:
  NotifySocket() {
    path_ = std::filesystem::temp_directory_path() / ("freshet-notify-" + std::to_string(getpid()));
    std::filesystem::remove(path_);
    socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::setenv("NOTIFY_SOCKET", path_.c_str(), 1);
  }
  ~NotifySocket() {
    ::unsetenv("NOTIFY_SOCKET");
    std::filesystem::remove(path_);
  }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  /// The next message; waits for it.
  std::string next() const {
    std::array<char, 4096> buffer{};
    const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }

 private:
  std::filesystem::path path_;
  UniqueFd socket_;
};

TEST(AStopThatTakesLong, AsksForTimeAgainAndAgainAndFeedsTheWatchdog) {
  const NotifySocket socket;
  const Stopping stopping;
  EXPECT_THAT(socket.next(), HasSubstr("STOPPING=1"));
  for (int i = 0; i < 2; ++i) {
    const std::string message = socket.next();
    EXPECT_THAT(message, HasSubstr("EXTEND_TIMEOUT_USEC=12000000"));
    EXPECT_THAT(message, HasSubstr("WATCHDOG=1"));
  }
}

TEST(AStopThatTakesLong, EndsAtOnceWhenTheServiceHas) {
  const NotifySocket socket;
  { const Stopping stopping; }
  EXPECT_THAT(socket.next(), HasSubstr("STOPPING=1"));
}

TEST(Readiness, GoesWithTheStatus) {
  const NotifySocket socket;
  ServiceManager().ready("2 repositories: 2 ok");
  EXPECT_EQ(socket.next(), "READY=1\nSTATUS=2 repositories: 2 ok");
}

TEST(WithoutAServiceManager, NothingIsSaid) {
  EXPECT_FALSE(ServiceManager::is_there());
  const Stopping stopping;
  ServiceManager().ready("nobody listens");
}

}  // namespace
}  // namespace freshet::service
