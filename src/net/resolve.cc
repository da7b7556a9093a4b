#include "net/resolve.h"

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

namespace beleg::net {

namespace asio = boost::asio;
using asio::ip::tcp;

Result<std::vector<tcp::endpoint>> ResolveToListen(const Endpoint& endpoint) {
  if (endpoint.host.empty()) {
    return std::vector{tcp::endpoint(tcp::v6(), endpoint.port), tcp::endpoint(tcp::v4(), endpoint.port)};
  }
  auto known = KnownAddresses(endpoint.host, endpoint.port);
  if (!known.empty()) return std::vector{known.front()};
  boost::system::error_code error;
  asio::io_context context;
  tcp::resolver resolver(context);
  auto found = resolver.resolve(endpoint.host, std::to_string(endpoint.port), tcp::resolver::passive, error);
  if (error || found.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "cannot listen on {}:{}: {}", endpoint.host, endpoint.port,
                error.message());
  }
  return std::vector<tcp::endpoint>(found.begin(), found.end());
}

std::vector<tcp::endpoint> KnownAddresses(std::string_view host, uint16_t port) {
  if (EqualNoCase(host, "localhost")) {
    return {{asio::ip::address_v4::loopback(), port}, {asio::ip::address_v6::loopback(), port}};
  }
  boost::system::error_code error;
  asio::ip::address literal = asio::ip::make_address(host, error);
  if (error) return {};
  return {{literal, port}};
}

std::string FormatEndpoint(const tcp::endpoint& endpoint) {
  asio::ip::address address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  if (address.is_v6()) return fmt::format("[{}]:{}", address.to_string(), endpoint.port());
  return fmt::format("{}:{}", address.to_string(), endpoint.port());
}

}  // namespace beleg::net
