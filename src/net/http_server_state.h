// What all connections of a server share.
#pragma once

#include <atomic>
#include <string_view>

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
  std::atomic<size_t> bodies_bytes = 0;  // of requests that are not answered

  // The server's own answer: options.make_error, or plain text.
  HttpResponse MakeError(int status, std::string message) const;
};

// Bytes of bodies that a connection holds, counted among those of the whole server.
class BodiesShare {
 public:
  explicit BodiesShare(HttpServerState& state) : state_(state) {}
  ~BodiesShare() { Return(bytes_); }
  BodiesShare(const BodiesShare&) = delete;
  BodiesShare& operator=(const BodiesShare&) = delete;

  // False: all connections together would hold too much.
  bool Take(size_t bytes) {
    bytes_ += bytes;
    return state_.bodies_bytes.fetch_add(bytes, std::memory_order_relaxed) + bytes <=
           state_.options.bodies_bytes_max;
  }
  void Return(size_t bytes) {
    bytes_ -= bytes;
    state_.bodies_bytes.fetch_sub(bytes, std::memory_order_relaxed);
  }
  size_t bytes() const { return bytes_; }

 private:
  HttpServerState& state_;
  size_t bytes_ = 0;
};

constexpr std::string_view kTooManyBodies = "too many bytes wait for an answer";
// Of an announced body, made room for before it comes (until it is written to, that is no memory); beyond, its buffer grows with
// what has come.
constexpr uint64_t kBodyReserveMax = 512 << 10;

// How long a connection that ends keeps reading, so that its client can read the last answer.
constexpr std::chrono::milliseconds kLingerTime{2'000};
// Not a status of HTTP: the client went away before its body was there.
constexpr int kClientGone = 499;

}  // namespace beleg::net
