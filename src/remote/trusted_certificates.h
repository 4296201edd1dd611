#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace freshet::remote {

/// The certificate authorities that servers are checked against. The system's are those that git
/// and curl would take: $GIT_SSL_CAINFO, $CURL_CA_BUNDLE, $SSL_CERT_FILE, or libcurl's own file;
/// beside it the directory $GIT_SSL_CAPATH or $SSL_CERT_DIR. Used by one thread.
class TrustedCertificates {
 public:
  /// `system_file` is libcurl's own, for an environment that names none.
  explicit TrustedCertificates(std::string system_file);

  /// A path that holds the system's certificates and those of `ca_file` (empty: the system's
  /// alone). Another path whenever the content is another, so that nothing that was made with the
  /// old one is used again. Error config: ca_file cannot be read or holds no certificate.
  Result<std::string> file_with(const std::string& ca_file);
  /// Empty: none.
  const std::string& directory() const { return directory_; }

 private:
  struct Stamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = -1;
    std::int64_t changed = 0;  ///< nanoseconds
    bool operator==(const Stamp&) const = default;
  };
  struct Combined {
    Stamp own;
    Stamp system;
    UniqueFd memory;
    std::string path;
  };
  static Stamp stamp_of(const std::string& path);
  Result<void> combine(const std::string& ca_file, Combined& combined);

  std::string system_file_;
  std::string directory_;
  std::map<std::string, Combined> combined_;
  int next_number_ = 0;  ///< descriptors are not used again: a path stands for one content
};

}  // namespace freshet::remote
