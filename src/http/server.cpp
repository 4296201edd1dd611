#include "http/server.h"

#include <sys/resource.h>

#include <thread>
#include <utility>

#include "http/event_loop.h"
#include "http/exchange.h"
#include "http/worker_pool.h"

namespace freshet::http {
namespace {

constexpr std::size_t kHandshakers = 2;

/// The rest of the program needs descriptors too.
std::size_t affordable_connections(std::size_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return wanted;
  }
  return std::max<std::size_t>(1, std::min<std::size_t>(wanted, limit.rlim_cur / 2));
}

}  // namespace

struct Server::Parts {
  Parts(Options options, std::unique_ptr<TlsCertificates> certificates, Application& application)
      : shared(std::move(options), std::move(certificates)), exchange(application, shared) {}

  Shared shared;
  Exchange exchange;
  std::string address;
  std::unique_ptr<EventLoop> loop;
  std::unique_ptr<WorkerPool> pool;
  std::unique_ptr<WorkerPool> handshakers;  ///< of HTTPS
  std::thread thread;
};

Result<std::unique_ptr<Server>> Server::listen(Options options, Application& application) {
  std::unique_ptr<TlsCertificates> certificates;
  if (options.tls) {
    FRESHET_TRY(certificates, TlsCertificates::open(*options.tls, now()));
  }
  FRESHET_TRY(Listener listener, Listener::open(options.listen, options.backlog));
  options.max_connections = affordable_connections(options.max_connections);
  auto parts = std::make_unique<Parts>(std::move(options), std::move(certificates), application);
  Parts& p = *parts;
  p.address = listener.address();
  FRESHET_TRY(p.loop, EventLoop::create(std::move(listener), p.shared));
  p.pool = std::make_unique<WorkerPool>(p.shared.options.workers, p.shared.options.max_waiting,
                                        [&p](Connection& connection) {
                                          p.exchange.run(connection);
                                          p.loop->give_back(connection);
                                        });
  if (p.shared.certificates) {
    // Not the other workers: whoever floods us with handshakes keeps only handshakes waiting.
    p.handshakers = std::make_unique<WorkerPool>(kHandshakers, p.shared.options.max_waiting,
                                                 [&p](Connection& connection) {
                                                   connection.shake_hands();
                                                   p.loop->give_back(connection);
                                                 });
  }
  p.thread = std::thread([&p] {
    p.loop->run({[&p](Connection& connection) { return p.pool->submit(connection); },
                 [&p](Connection& connection) { return p.handshakers->submit(connection); },
                 [&p](Connection& connection) { p.exchange.run(connection); }});
  });
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Server::~Server() {
  stop();
}

const std::string& Server::address() const {
  return parts_->address;
}
std::size_t Server::connections() const {
  return parts_->loop->connections();
}

std::optional<WallTime> Server::certificate_expires() const {
  const auto& certificates = parts_->shared.certificates;
  return certificates ? std::optional(certificates->not_after()) : std::nullopt;
}

Instant Server::last_round() const {
  return parts_->loop->last_round();
}

std::vector<std::pair<std::string_view, std::uint64_t>> Server::refusals() const {
  return parts_->shared.refusals.counts();
}

void Server::change(Limits limits) {
  parts_->shared.change(std::move(limits));
}

void Server::stop() {
  if (!parts_->thread.joinable()) {
    return;
  }
  parts_->shared.stopping = true;
  parts_->loop->wake();
  parts_->thread.join();
  parts_->pool->stop();
  if (parts_->handshakers) {
    parts_->handshakers->stop();
  }
  parts_->loop->close_all();
}

}  // namespace freshet::http
