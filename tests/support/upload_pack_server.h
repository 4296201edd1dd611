#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "remote/packet_line.h"
#include "support/http_script_server.h"

/// An upstream over smart HTTP whose answers a test may change before they leave.
namespace freshet::testing {

struct UploadPackAnswer {
  std::string status = "200 OK";
  std::string type;  ///< media type
  std::string body;
  std::string headers;  ///< more of them, each with its line end
  bool is_cut = false;  ///< the connection ends behind the body, before its announced length
};

/// `git upload-pack` for the repositories below a directory, without any web server around it.
class UploadPackServer {
 public:
  using Change = std::function<void(const ScriptRequest&, UploadPackAnswer&)>;

  explicit UploadPackServer(std::string root)
      : root_(std::move(root)),
        server_([this](const ScriptRequest& request, ScriptConnection& connection) {
          serve(request, connection);
        }) {}

  std::string url(const std::string& path) const { return server_.url("/" + path); }
  int requests() const { return server_.requests(); }
  int port() const { return server_.port(); }
  /// From now on.
  void change(Change change) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    change_ = std::move(change);
  }
  std::vector<ScriptRequest> seen() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return std::exchange(seen_, {});
  }

 private:
  static std::string upload_pack(std::vector<std::string> arguments, const std::string& input,
                                 const std::string& protocol) {
    ChildSpec spec;
    spec.arguments = {"git", "upload-pack"};
    spec.arguments.insert(spec.arguments.end(), arguments.begin(), arguments.end());
    spec.environment = git_test_environment();
    spec.environment.push_back("GIT_PROTOCOL=" + protocol);
    spec.input = input;
    spec.output_limit = std::size_t{1} << 30U;
    return must(run_child(spec, CancelToken())).output;
  }

  UploadPackAnswer ask_git(const ScriptRequest& request) const {
    UploadPackAnswer answer;
    const std::string target = request.target();
    const std::string protocol = request.header("git-protocol");
    constexpr std::string_view kGreeting = "/info/refs?service=git-upload-pack";
    constexpr std::string_view kCommand = "/git-upload-pack";
    if (target.ends_with(kGreeting)) {
      const std::string path = root_ + target.substr(0, target.size() - kGreeting.size());
      answer.type = "application/x-git-upload-pack-advertisement";
      if (protocol != "version=2") {
        remote::append_packet(answer.body, "# service=git-upload-pack\n");
        remote::append_flush(answer.body);
      }
      answer.body += upload_pack({"--http-backend-info-refs", path}, "", protocol);
    } else if (target.ends_with(kCommand)) {
      const std::string path = root_ + target.substr(0, target.size() - kCommand.size());
      answer.type = "application/x-git-upload-pack-result";
      answer.body = upload_pack({"--stateless-rpc", path}, request.body, protocol);
    } else {
      answer.status = "404 Not Found";
    }
    return answer;
  }

  void serve(const ScriptRequest& request, ScriptConnection& connection) EXCLUDES(mutex_) {
    UploadPackAnswer answer = ask_git(request);
    Change change;
    {
      const MutexLock lock(mutex_);
      seen_.push_back(request);
      change = change_;
    }
    if (change) {
      change(request, answer);
    }
    const std::string headers = "Content-Type: " + answer.type + "\r\n" + answer.headers;
    if (!answer.is_cut) {
      connection.answer(answer.status, answer.body, headers);
      return;
    }
    connection.write("HTTP/1.1 " + answer.status + "\r\n" + headers +
                     "Content-Length: 1000000000\r\n\r\n" + answer.body);
    connection.close();
  }

  const std::string root_;
  Mutex mutex_;
  Change change_ GUARDED_BY(mutex_);
  std::vector<ScriptRequest> seen_ GUARDED_BY(mutex_);
  ScriptServer server_;  // last: its threads use the others
};

inline bool is_fetch(const ScriptRequest& request) {
  return request.body.find("command=fetch") != std::string::npos;
}

/// The pack of an answer to fetch, replaced by what `change` makes of it.
inline void change_pack(UploadPackAnswer& answer,
                        const std::function<std::string(const std::string& pack)>& change) {
  std::string head;
  std::string pack;
  bool in_pack = false;
  remote::PacketDecoder decoder;
  for (std::string_view rest = answer.body;;) {
    const std::size_t before = answer.body.size() - rest.size();
    const auto next = must(decoder.next(rest));
    if (!next) {
      break;
    }
    if (in_pack && next->payload.starts_with('\1')) {
      pack += next->payload.substr(1);
    } else if (!in_pack) {
      head += answer.body.substr(before, answer.body.size() - rest.size() - before);
      in_pack = next->line() == "packfile";
    }
  }
  if (!in_pack) {
    return;
  }
  answer.body = head;
  const std::string changed = change(pack);
  for (std::size_t at = 0; at < changed.size(); at += 65000) {
    remote::append_packet(answer.body, "\1" + changed.substr(at, 65000));
  }
  remote::append_flush(answer.body);
}

}  // namespace freshet::testing
