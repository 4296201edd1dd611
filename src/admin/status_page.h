#pragma once

#include <string>

#include "http/message.h"

namespace freshet::admin {

/// The status page: one document that shows and asks for what the API offers, and loads nothing
/// else. Put together once; thread-safe.
class StatusPage {
 public:
  StatusPage();

  /// GET /, with a content security policy that allows the page's own script and style only.
  http::Response show() const;

 private:
  std::string document_;
  std::string policy_;
};

}  // namespace freshet::admin
