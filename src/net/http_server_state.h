// What all connections of a server share.
#pragma once

#include <atomic>

#include "net/http_server.h"

namespace beleg::net {

struct HttpServerState {
  HttpServerOptions options;
  Handler handler;
  std::atomic<bool> stopping = false;      // nothing is accepted, each answer is its connection's last
  std::atomic<bool> closing_idle = false;  // and a connection without a request ends
  std::atomic<uint64_t> accepted = 0;
  std::atomic<uint64_t> refused = 0;
  std::atomic<uint64_t> accept_pauses = 0;
  std::atomic<uint64_t> open = 0;
  std::atomic<uint64_t> requests = 0;
  std::atomic<uint64_t> unreadable_heads = 0;

  // The server's own answer: options.make_error, or plain text.
  HttpResponse MakeError(int status, std::string message) const;
};

// How long a connection that ends keeps reading, so that its client can read the last answer.
constexpr std::chrono::milliseconds kLingerTime{2'000};
// Not a status of HTTP: the client went away before its body was there.
constexpr int kClientGone = 499;

}  // namespace beleg::net
