#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace freshet {

/// ssh with the options of every connection: nobody is asked, an unknown host key is an error, a
/// dead connection ends by itself, nothing is forwarded and no local command is run.
const std::vector<std::string>& guarded_ssh();

/// The guarded environment of every git child, whoever starts it: nothing of a person's or the
/// system's git configuration, no prompt, no helper that a repository could name, only the
/// transports that a URL may use.
class GitEnvironment {
 public:
  /// Writes the configuration that stands in for ~/.gitconfig to `state_dir`/git.config.
  static Result<GitEnvironment> prepare(const std::string& state_dir);

  /// Writes it again where somebody changed or removed it: no git child works without. Any thread.
  Result<void> restore() const;

  /// "NAME=value", complete: PATH, proxies, certificates and the ssh agent as this process has
  /// them, the rest fixed.
  const std::vector<std::string>& variables() const { return variables_; }
  /// The same, but each "NAME=value" of `others` replaces what stands under that name, or is added.
  std::vector<std::string> variables_with(const std::vector<std::string>& others) const;

 private:
  GitEnvironment(std::string file, std::vector<std::string> variables)
      : file_(std::move(file)), variables_(std::move(variables)) {}

  std::string file_;
  std::vector<std::string> variables_;
};

}  // namespace freshet
