// Where a server listens and how it stops.
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "support/http_test_server.h"

namespace freshet::http {
namespace {

namespace fs = std::filesystem;

class HttpLifecycle : public HttpServer {
 protected:
  HttpLifecycle() {
    std::string name = (fs::temp_directory_path() / "freshet-http-XXXXXX").string();
    directory_ = mkdtemp(name.data());
    socket_ = directory_ / "admin.sock";
  }
  ~HttpLifecycle() override {
    server_.reset();
    fs::remove_all(directory_);
  }
  void listen_at_unix_socket(unsigned mode = 0660) {
    options_.listen.unix_path = socket_;
    options_.listen.mode = mode;
  }

  fs::path directory_;
  fs::path socket_;
};

TEST_F(HttpLifecycle, a_port_in_use_is_a_clear_conflict) {
  start();
  Options second;
  second.listen = *ListenAddress::parse(server_->address());
  TestApplication other;
  const auto refused = Server::listen(second, other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error_class, ErrorClass::conflict);
  EXPECT_EQ(refused.error().message, server_->address() + " is in use by another program");
}

TEST_F(HttpLifecycle, a_port_is_free_again_right_after_stop) {
  start();
  RawClient one = client();
  EXPECT_EQ(one.ask(get("/say")).status, 200);
  options_.listen = *ListenAddress::parse(server_->address());
  server_->stop();
  EXPECT_TRUE(one.ended());
  start();
  EXPECT_EQ(client().ask(get("/say")).status, 200);
}

TEST_F(HttpLifecycle, an_address_of_another_machine_is_a_configuration_error) {
  options_.listen = *ListenAddress::parse("192.0.2.1:0");
  const auto refused = Server::listen(options_, application_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error_class, ErrorClass::config);
}

TEST_F(HttpLifecycle, ipv6_is_listened_at_where_the_machine_has_it) {
  options_.listen = *ListenAddress::parse("[::1]:0");
  const auto server = Server::listen(options_, application_);
  if (!server) {
    GTEST_SKIP() << server.error().message;
  }
  EXPECT_TRUE((*server)->address().starts_with("[::1]:"));
}

TEST_F(HttpLifecycle, a_unix_socket_has_its_mode_whatever_the_umask_and_goes_with_the_server) {
  for (const unsigned mode : {0660U, 0600U, 0666U}) {
    listen_at_unix_socket(mode);
    const mode_t before = umask(0177);
    start();
    umask(before);
    struct stat status {};
    ASSERT_EQ(stat(socket_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, mode);
    EXPECT_EQ(server_->address(), "unix:" + socket_.string());
    const RawAnswer answer = client().ask(get("/say"));
    EXPECT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.has("X-Peer: \r\n"));
    server_->stop();
    EXPECT_FALSE(fs::exists(socket_));
  }
}

TEST_F(HttpLifecycle, unix_peers_have_no_limit_in_number) {
  listen_at_unix_socket();
  options_.limits.connections_per_address = 1;
  start();
  std::vector<RawClient> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(client());
    EXPECT_EQ(clients.back().ask(get("/say")).status, 200);
  }
}

TEST_F(HttpLifecycle, a_stale_socket_is_replaced) {
  listen_at_unix_socket();
  {
    const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    std::memcpy(path.sun_path, socket_.c_str(), socket_.string().size());
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&path), sizeof path), 0);
  }
  ASSERT_TRUE(fs::exists(socket_));
  start();
  EXPECT_EQ(client().ask(get("/say")).status, 200);
}

TEST_F(HttpLifecycle, a_socket_that_somebody_answers_at_is_a_conflict_and_stays) {
  listen_at_unix_socket();
  start();
  TestApplication other;
  const auto refused = Server::listen(options_, other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error_class, ErrorClass::conflict);
  EXPECT_EQ(client().ask(get("/say")).status, 200);
}

TEST_F(HttpLifecycle, a_file_in_place_of_the_socket_is_left_alone) {
  listen_at_unix_socket();
  std::ofstream(socket_) << "precious";
  const auto refused = Server::listen(options_, application_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error_class, ErrorClass::config);
  EXPECT_EQ(fs::file_size(socket_), 8U);
}

TEST_F(HttpLifecycle, the_socket_of_a_later_server_is_not_removed) {
  listen_at_unix_socket();
  start();
  fs::remove(socket_);
  TestApplication other;
  const auto later = Server::listen(options_, other);
  ASSERT_TRUE(later);
  server_->stop();
  EXPECT_EQ(RawClient((*later)->address()).ask(get("/say")).status, 200);
}

TEST_F(HttpLifecycle, stop_is_quick_while_clients_are_idle_slow_and_stalled) {
  options_.stop_grace = std::chrono::seconds(60);
  start();
  std::vector<RawClient> clients;
  for (const std::string& bytes :
       {std::string(), get("/say"), std::string("GET /s"),
        std::string("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf"),
        std::string("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\nhalf")}) {
    clients.push_back(client());
    clients.back().send(bytes);
  }
  EXPECT_EQ(clients[1].answer().status, 200);
  const auto begin = now();
  server_->stop();
  EXPECT_LT(now() - begin, std::chrono::seconds(10));
  for (RawClient& one : clients) {
    EXPECT_TRUE(one.ended());
  }
  EXPECT_EQ(server_->connections(), 0U);
}

TEST_F(HttpLifecycle, stop_lets_a_request_finish_that_is_being_handled) {
  start();
  RawClient one = client();
  one.send(get("/hold"));
  application_.wait_for_held(1);
  std::thread stopping([&] { server_->stop(); });
  // It has begun once nobody can connect any more.
  while (RawClient(server_->address()).connected()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  application_.let_go();
  const RawAnswer answer = one.answer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.has("Connection: close"));
  stopping.join();
}

TEST_F(HttpLifecycle, a_client_that_does_not_take_its_answer_delays_stop_by_the_grace_only) {
  options_.stop_grace = std::chrono::milliseconds(100);
  start();
  RawClient deaf = client();
  deaf.send(get("/long"));
  while (application_.seen().empty()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const auto begin = now();
  server_->stop();
  EXPECT_LT(now() - begin, std::chrono::seconds(10));
}

TEST_F(HttpLifecycle, descriptors_are_closed_in_children) {
  start();
  RawClient one = client();
  EXPECT_EQ(one.ask(get("/say")).status, 200);
  // Read from outside: the server's thread opens and closes descriptors meanwhile.
  int sockets = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (fs::read_symlink(entry.path(), gone).string().starts_with("socket:")) {
      std::ifstream info("/proc/self/fdinfo/" + entry.path().filename().string());
      const std::string text(std::istreambuf_iterator<char>(info), {});
      const std::size_t flags = text.find("flags:");
      ASSERT_NE(flags, std::string::npos);
      EXPECT_NE(std::stoul(text.substr(flags + 6), nullptr, 8) & O_CLOEXEC, 0U) << text;
      ++sockets;
    }
  }
  EXPECT_EQ(sockets, 3);  // the listener, and both ends of the connection
}

TEST_F(HttpLifecycle, many_clients_at_once_all_get_their_own_answers) {
  start();
  std::vector<std::thread> threads;
  threads.reserve(8);
  std::atomic<int> right{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        RawClient one = client();
        const std::string body = std::to_string(t) + "/" + std::to_string(i);
        right += one.ask(post("/echo", body)).body == body ? 1 : 0;
        right += one.ask(post("/echo", body + "b")).body == body + "b" ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(right, 800);
}

TEST_F(HttpLifecycle, its_thread_comes_round_by_itself_and_shows_when_it_does_not) {
  options_.answer_at_once = true;
  start();
  EXPECT_EQ(client().ask(get("/say")).status, 200);
  const Instant asked = now();
  while (server_->last_round() <= asked) {
    std::this_thread::sleep_for(
        std::chrono::milliseconds(5));  // nobody asks for anything meanwhile
  }
  RawClient held = client();
  held.send(get("/hold"));
  application_.wait_for_held(1);
  const Instant stuck = server_->last_round();
  for (int i = 0; i < 3; ++i) {
    RawClient other = client();
    other.send(get("/say"));
  }
  EXPECT_EQ(server_->last_round(), stuck);
  application_.let_go();
  EXPECT_EQ(held.answer().status, 200);
  while (server_->last_round() == stuck) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

TEST_F(HttpLifecycle,
       the_receiving_thread_leaves_answers_to_workers_after_one_that_slept_and_only_then) {
  options_.answer_at_once = true;
  start();
  const auto thread_of = [&](const std::string& path) {
    const std::string head = client().ask(get(path)).head;
    const std::size_t at = head.find("X-Thread: ");
    return head.substr(at, head.find('\r', at) - at);
  };
  const std::string receiving = thread_of("/say");
  // On a busy machine any answer takes long; a worker would not be quicker. Again where this one
  // did wait for something.
  bool stayed = false;
  for (int i = 0; i < 20 && !stayed; ++i) {
    stayed = thread_of("/say/after-work") == receiving && thread_of("/say") == receiving;
  }
  EXPECT_TRUE(stayed);
  std::string next = receiving;
  while (next == receiving) {  // again where it took this test a second to ask
    thread_of("/say/after-sleep");
    next = thread_of("/say");
  }
}

TEST_F(HttpLifecycle, what_is_refused_early_is_counted_by_its_reason) {
  start();
  const auto count_of = [&](std::string_view reason) {
    for (const auto& [name, count] : server_->refusals()) {
      if (name == reason) {
        return count;
      }
    }
    return ~std::uint64_t{0};
  };
  EXPECT_EQ(client().ask(get("/say")).status, 200);
  for (const auto& [name, count] : server_->refusals()) {
    EXPECT_EQ(count, 0U) << name;
  }
  EXPECT_EQ(client().ask(get("/early")).status, 401);
  EXPECT_EQ(client().ask(get("/echo")).status, 405);
  EXPECT_EQ(client().ask("nonsense\r\n\r\n").status, 400);
  EXPECT_EQ(count_of("token"), 1U);
  EXPECT_EQ(count_of("method"), 1U);
  EXPECT_EQ(count_of("malformed"), 1U);
  EXPECT_EQ(count_of("busy"), 0U);
}

}  // namespace
}  // namespace freshet::http
