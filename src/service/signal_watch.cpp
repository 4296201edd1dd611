#include "service/signal_watch.h"

#include <signal.h>

#include <utility>

namespace freshet::service {

SignalWatch::SignalWatch(CancelToken cancel)
    : cancel_(std::move(cancel)), thread_([this] { run(); }) {}

SignalWatch::~SignalWatch() {
  done_ = true;
  thread_.join();
}

void SignalWatch::run() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  const timespec patience{0, 50'000'000};
  while (!done_) {
    if (sigtimedwait(&signals, nullptr, &patience) > 0) {
      cancel_.cancel();
    }
  }
}

}  // namespace freshet::service
