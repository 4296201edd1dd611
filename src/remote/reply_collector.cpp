#include "remote/reply_collector.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace freshet::remote {
namespace {

constexpr std::size_t kLargestHead = std::size_t{256} * 1024;
constexpr std::size_t kKeptOfMessages = std::size_t{64} * 1024;
/// So much is read of an unwanted body to keep its connection.
constexpr std::uint64_t kDrained = std::uint64_t{1} << 20U;

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

void ReplyCollector::restart() {
  state_ = State::collecting;
  reply_ = {};
  head_size_ = 0;
  body_size_ = 0;
  head_complete_ = false;
  to_sink_ = false;
}

void ReplyCollector::add_line(std::string_view line) {
  head_size_ += line.size();
  if (head_size_ > kLargestHead) {
    state_ = State::head_too_large;
    return;
  }
  if (head_complete_) {
    return;
  }
  if (line.substr(0, 5) == "HTTP/") {
    add_status_line(line);
    return;
  }
  const std::string_view text = trim(line);
  if (text.empty()) {
    end_head();
    return;
  }
  const auto colon = text.find(':');
  if (colon != std::string_view::npos) {
    std::string name(text.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    reply_.headers.emplace_back(std::move(name), trim(text.substr(colon + 1)));
  }
}

void ReplyCollector::add_status_line(std::string_view line) {
  reply_.headers.clear();
  reply_.status = 0;
  const auto space = line.find(' ');
  if (space != std::string_view::npos) {
    const std::string_view digits = line.substr(space + 1, 3);
    unsigned status = 0;  // digits alone, no sign
    std::from_chars(digits.data(), digits.data() + digits.size(), status);
    reply_.status = static_cast<int>(status);
  }
}

void ReplyCollector::end_head() {
  if (reply_.status < 200) {
    return;
  }
  head_complete_ = true;
  reply_.content_type = header("content-type");
  to_sink_ = sink_ != nullptr && successful() && sink_->accepts(reply_);
}

void ReplyCollector::add_body(std::string_view bytes) {
  body_size_ += bytes.size();
  if (to_sink_) {
    ask_sink(bytes);
  } else if (successful()) {
    if (body_size_ > largest_answer_) {
      state_ = State::body_too_large;
      return;
    }
    reply_.body.append(bytes);
  } else {
    reply_.body.append(bytes.substr(0, kKeptOfMessages - reply_.body.size()));
    if (body_size_ > kDrained) {
      state_ = State::enough;
    }
  }
}

void ReplyCollector::serve_sink() {
  ask_sink({});
}

void ReplyCollector::ask_sink(std::string_view bytes) {
  switch (sink_->take(bytes)) {
    case BodySink::Take::more:
      state_ = State::collecting;
      return;
    case BodySink::Take::wait:
      state_ = State::sink_waits;
      return;
    case BodySink::Take::stop:
      state_ = State::stopped_by_sink;
      return;
  }
}

std::string_view ReplyCollector::header(std::string_view lower_case_name) const {
  const auto found = std::find_if(reply_.headers.begin(), reply_.headers.end(),
                                  [&](const auto& each) { return each.first == lower_case_name; });
  return found == reply_.headers.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace freshet::remote
