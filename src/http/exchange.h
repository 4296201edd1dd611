#pragma once

#include <optional>

#include "http/application.h"
#include "http/connection.h"

namespace freshet::http {

/// Runs the application for a connection whose request needs it, and answers or asks for the body.
/// Any worker thread; each connection by one at a time.
class Exchange {
 public:
  Exchange(Application& application, const Shared& shared)
      : application_(application), shared_(shared) {}

  /// Afterwards the connection's stage says how it goes on.
  void run(Connection& connection) const noexcept;

 private:
  void proceed(Connection& connection) const;
  std::optional<Response> admit(Connection& connection) const;
  std::optional<Response> decide(Connection& connection) const;

  Application& application_;
  const Shared& shared_;
};

}  // namespace freshet::http
