#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace freshet::http {

/// Header fields in the order they came; names compare without case.
class Headers {
 public:
  void add(std::string name, std::string value);
  /// The first of that name; nullopt when there is none.
  std::optional<std::string_view> find(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  /// Of every field of that name.
  std::vector<std::string_view> find_all(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// Sees the bytes of one body as they arrive, before anybody believes them: where a signature is
/// computed. One thread at a time, not always the same one.
class BodyTap {
 public:
  virtual ~BodyTap() = default;
  /// The next decoded bytes. Quick: other clients wait meanwhile. Does not throw.
  virtual void update(std::string_view bytes) = 0;
  /// Whether the application wants the body too; asked after each update(). False, and that stays:
  /// the body is read to its end and takes no memory.
  virtual bool keep() const = 0;
};

/// A request as its application sees it. Before the body is read `body` is empty.
struct Request {
  std::string method;
  std::string path;                                        ///< percent-decoded, without the query
  std::vector<std::pair<std::string, std::string>> query;  ///< percent-decoded
  Headers headers;
  std::string body;
  std::string peer;              ///< IP address of who connected; empty for a unix socket
  std::string client;            ///< the same, or who a trusted proxy speaks for; empty: not known
  std::shared_ptr<BodyTap> tap;  ///< what Application::tap_body returned; has seen the whole body

  /// The first of that name.
  std::optional<std::string_view> query_value(std::string_view name) const;
  /// Content-Type in lower case without parameters; empty when there is none.
  std::string media_type() const;
};

/// An answer that goes on for as long as its client stays. The event loop asks for the next piece
/// once all before it was taken, so that a slow client costs one piece and no thread. One thread at
/// a time, not always the same one.
class AnswerStream {
 public:
  struct Piece {
    std::string bytes;  ///< empty: nothing now
    bool more = false;  ///< ask again as soon as these are taken, not only after a while
  };
  virtual ~AnswerStream() = default;
  /// nullopt: the answer ends here. Quick: other clients wait meanwhile. Does not throw.
  virtual std::optional<Piece> next() = 0;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  ///< beside type and length
  std::shared_ptr<AnswerStream> stream;  ///< set: the body, of no length that is known before
};

}  // namespace freshet::http
