#include "remote/remote_query.h"

#include <algorithm>

namespace freshet::remote {
namespace {

using Query = std::shared_ptr<const RemoteQuery>;

constexpr std::uint64_t kLargestGreeting = std::uint64_t{16}
                                           << 20U;  // an old server lists its refs
constexpr std::uint64_t kLargestList = std::uint64_t{512} << 20U;

ServerAnswer read_greeting(const RemoteQuery& query, const Result<HttpReply>& reply) {
  if (!reply) {
    return fail_with({reply.error()});
  }
  // A server that only hands out files has types of its own.
  const auto fine = check_reply(*reply, kGreetingType, query.has_login());
  if (!fine && (reply->status != 200 || has_type(*reply, kGreetingType))) {
    return fail_with(fine.error());
  }
  const auto greeting = parse_greeting(reply->body);
  if (!greeting) {
    return fail_with(fine ? FailedAttempt{greeting.error()} : fine.error());
  }
  if (greeting->version != Greeting::Version::two) {
    if (greeting->version == Greeting::Version::old) {
      query.memory->learn_old(now());
    }
    return std::nullopt;
  }
  if (!fine) {
    return fail_with(fine.error());
  }
  const auto place = place_of(reply->final_url);
  if (!place) {
    return fail_with(
        {{ErrorClass::protocol, "the upstream leads to a place that is none of a git repository",
          std::nullopt}});
  }
  RemoteMemory::Server server{*place, greeting->capabilities};
  query.memory->learn(server);
  return server;
}

void greet(const Query& query, std::function<void(ServerAnswer)> done) {
  HttpRequest request = greeting_request(query->access);
  request.largest_answer = kLargestGreeting;
  query->client.send_async(std::move(request), query->limits_left(), query->cancel,
                           [query, done = std::move(done)](const Result<HttpReply>& reply) {
                             done(read_greeting(*query, reply));
                           });
}

RefsAnswer read_refs(const RemoteQuery& query, const std::vector<RefPattern>& patterns,
                     const Result<HttpReply>& reply) {
  if (!reply) {
    return fail_with({reply.error()});
  }
  if (const auto fine = check_reply(*reply, kAnswerType, query.has_login()); !fine) {
    return fail_with(fine.error());
  }
  RefListReader reader(patterns);
  if (const auto fed = reader.feed(reply->body); !fed) {
    return fail_with({fed.error(), false, fed.error().error_class == ErrorClass::protocol});
  }
  auto answer = reader.finish();
  if (!answer) {
    return fail_with({answer.error(), false, true});
  }
  return std::optional(*std::move(answer));
}

void list(const Query& query, const RemoteMemory::Server& server,
          const std::vector<RefPattern>& patterns, std::function<void(RefsAnswer)> done) {
  HttpRequest request =
      command_request(query->access, server, encode_ls_refs(server.capabilities, patterns));
  request.largest_answer = kLargestList;
  query->client.send_async(
      std::move(request), query->limits_left(), query->cancel,
      [query, patterns, done = std::move(done)](const Result<HttpReply>& reply) {
        done(read_refs(*query, patterns, reply));
      });
}

void greet_and_list(const Query& query, std::vector<RefPattern> patterns,
                    std::function<void(RefsAnswer)> done) {
  greet(query, [query, patterns = std::move(patterns),
                done = std::move(done)](const ServerAnswer& server) mutable {
    if (!server) {
      done(fail_with(server.error()));
    } else if (!*server) {
      done(std::nullopt);
    } else {
      list(query, **server, patterns, std::move(done));
    }
  });
}

}  // namespace

TimeLimits RemoteQuery::limits_left() const {
  TimeLimits left = limits;
  if (left.total > Duration(0)) {
    const auto spent = std::chrono::duration_cast<Duration>(now() - started);
    left.total = std::max(limits.total - spent, Duration(1));
  }
  return left;
}

void ask_server(const Query& query, std::function<void(ServerAnswer)> done) {
  if (auto known = query->memory->server()) {
    done(std::move(known));
  } else if (query->memory->speaks_old_only(now())) {
    done(std::nullopt);
  } else {
    greet(query, std::move(done));
  }
}

void ask_refs(const Query& query, std::vector<RefPattern> patterns,
              std::function<void(RefsAnswer)> done) {
  const auto known = query->memory->server();
  if (!known) {
    if (query->memory->speaks_old_only(now())) {
      done(std::nullopt);
    } else {
      greet_and_list(query, std::move(patterns), std::move(done));
    }
    return;
  }
  list(query, *known, patterns,
       [query, patterns, done = std::move(done)](RefsAnswer answer) mutable {
         if (answer || !answer.error().odd) {
           done(std::move(answer));
           return;
         }
         query->memory->forget();
         greet_and_list(query, std::move(patterns), std::move(done));
       });
}

}  // namespace freshet::remote
