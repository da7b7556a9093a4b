// Names and numbers of hosts as Asio's endpoints.
#pragma once

#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "base/result.h"
#include "net/http.h"

namespace beleg::net {

// Where to listen, best first: "" is all interfaces, both families where there are two. Blocks when host is a name.
// kInvalidArgument when there is no such host.
Result<std::vector<boost::asio::ip::tcp::endpoint>> ResolveToListen(const Endpoint& endpoint);

// The addresses of a literal or of "localhost", which need no look-up; empty for any other host.
std::vector<boost::asio::ip::tcp::endpoint> KnownAddresses(std::string_view host, uint16_t port);

// "127.0.0.1:8000", "[::1]:8000".
std::string FormatEndpoint(const boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace beleg::net
