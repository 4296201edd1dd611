#include "remote/trusted_certificates.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <initializer_list>

#include "base/files.h"

namespace freshet::remote {
namespace {

constexpr std::size_t kLargestFile = 8U << 20U;

std::string first_of(std::initializer_list<const char*> names, std::string otherwise) {
  for (const char* name : names) {
    if (const char* value = ::secure_getenv(name); value != nullptr && *value != '\0') {
      return value;
    }
  }
  return otherwise;
}

Error unusable(const std::string& ca_file, std::string_view why) {
  return {ErrorClass::config, fmt::format("ca_file {}: {}", ca_file, why), std::nullopt};
}

}  // namespace

TrustedCertificates::TrustedCertificates(std::string system_file)
    : system_file_(
          first_of({"GIT_SSL_CAINFO", "CURL_CA_BUNDLE", "SSL_CERT_FILE"}, std::move(system_file))),
      directory_(first_of({"GIT_SSL_CAPATH", "SSL_CERT_DIR"}, "")) {
  // With a directory libcurl reads the file anew for each connection, some 20 ms of work. The one
  // that the file is in holds the same certificates one by one.
  if (parent_path(absolute_path(system_file_)) == absolute_path(directory_)) {
    directory_.clear();
  }
}

TrustedCertificates::Stamp TrustedCertificates::stamp_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return {};
  }
  return {status.st_dev, status.st_ino, status.st_size,
          std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

Result<std::string> TrustedCertificates::file_with(const std::string& ca_file) {
  if (ca_file.empty()) {
    return system_file_;
  }
  const Stamp own = stamp_of(ca_file);
  const Stamp system = stamp_of(system_file_);
  auto& known = combined_[ca_file];
  if (!known.memory || known.own != own || known.system != system) {
    Combined fresh{own, system, {}, {}};
    FRESHET_CHECK(combine(ca_file, fresh));
    known = std::move(fresh);
  }
  return known.path;
}

Result<void> TrustedCertificates::combine(const std::string& ca_file, Combined& combined) {
  auto own = read_file(ca_file, kLargestFile);
  if (!own) {
    return fail(unusable(ca_file, own.error().message));
  }
  if (own->find("-----BEGIN ") == std::string::npos) {
    return fail(unusable(ca_file, "holds no certificate in PEM form"));
  }
  // Without a system file the own certificates are all there is.
  const std::string system = read_file(system_file_, kLargestFile).value_or("");
  const UniqueFd memory(::memfd_create("freshet-certificates", MFD_CLOEXEC));
  int number = ::fcntl(memory.get(), F_DUPFD_CLOEXEC, next_number_);
  if (number < 0) {  // the highest descriptor was reached
    number = ::fcntl(memory.get(), F_DUPFD_CLOEXEC, 0);
  }
  combined.memory.reset(number);
  if (number < 0) {
    return fail(system_error(errno, "cannot keep certificates in memory"));
  }
  next_number_ = number + 1;
  combined.path = fmt::format("/proc/self/fd/{}", number);
  return write_all(number, system + "\n" + *own + "\n", combined.path);
}

}  // namespace freshet::remote
