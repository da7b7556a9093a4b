// ReservedPort: a TCP port of 127.0.0.1 that nobody else gets by chance while this object lives, for a server that starts later, or
// again and again. Without it the port of a server that is down is one that the kernel may give to any connection, even to a
// client's own that looks for that server.
//
// Only a socket with SO_REUSEADDR, like net::Server's, can bind to it; then it listens as if nobody held the port.
// Source: bind(2), ip(7): a bound socket that does not listen takes the port out of what is chosen for others.
#pragma once

#include <cstdint>

#include "net/hand_over.h"

namespace beleg::net {

class ReservedPort {
 public:
  // Any that is free. kUnavailable: there is none.
  static Result<ReservedPort> Choose();

  uint16_t number() const { return number_; }

 private:
  ReservedPort(UniqueFd socket, uint16_t number) : socket_(std::move(socket)), number_(number) {}

  UniqueFd socket_;
  uint16_t number_;
};

}  // namespace beleg::net
