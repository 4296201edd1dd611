#pragma once

#include <memory>

#include "base/piped_child.h"
#include "remote/duplex.h"

namespace freshet::remote {

/// A connection that is a child's standard input and output: ssh, or git upload-pack itself.
class ChildStream : public Duplex {
 public:
  static Result<std::unique_ptr<Duplex>> start(const PipedChild::Spec& spec);
  ~ChildStream() override;

  void part() override { parted_ = true; }
  /// From the child's standard error, with the classes that a git child's failures have.
  std::optional<Error> explain_end() override;

 protected:
  int input() const override { return child_.output(); }
  int output() const override { return child_.input(); }
  int messages() const override { return child_.error(); }
  void take_messages() override { child_.take_error(); }

 private:
  explicit ChildStream(PipedChild child) : child_(std::move(child)) {}

  PipedChild child_;
  bool parted_ = false;
};

}  // namespace freshet::remote
