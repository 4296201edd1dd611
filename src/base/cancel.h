#pragma once

#include <functional>
#include <memory>

namespace freshet {

/// Tells a long operation to stop. Copies share the state. Any thread.
class CancelToken {
 public:
  /// Calls `call` once the token is cancelled, by the thread that cancels it, or at once when it is
  /// already; never after the object is gone. The call must not block, nor use the token.
  class Watch {
   public:
    Watch();
    Watch(const CancelToken& token, std::function<void()> call);
    ~Watch();
    Watch(Watch&& other) noexcept;
    Watch& operator=(Watch&& other) noexcept;

   private:
    friend class CancelToken;
    struct Entry;
    std::unique_ptr<Entry> entry_;
  };

  CancelToken();  ///< one that nobody can cancel but by cancel() on a copy

  void cancel() const;
  bool cancelled() const;
  /// Readable (poll(2)) once cancelled; made when it is asked for the first time. -1: the process
  /// has no descriptor left.
  int descriptor() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace freshet
