// Whatever a client sends as HTTP/2, its connection ends when it does, every handler with it, and nothing it sent is counted
// as unanswered any more. The input is what follows the preface.
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "fuzz.h"
#include "net/grpc_server.h"
#include "net/http2_connection.h"

namespace net = beleg::net;
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

net::Awaitable<net::GrpcReply> Echo(net::GrpcCall call) {
  net::GrpcReply reply;
  reply.message = std::move(call.message);
  co_return reply;
}

net::Awaitable<void> Answer(net::Exchange& exchange, const net::Handler& grpc) {
  bool streams = exchange.request().target.starts_with("/s");
  if (!streams) co_return co_await grpc(exchange);
  auto sent = co_await exchange.StartStream(200, exchange.request().headers);
  if (sent) sent = co_await exchange.Write(exchange.request().body);
  if (sent) sent = co_await exchange.EndStream();
}

net::Awaitable<void> Serve(net::Http2Connection& connection, net::SocketStream& stream) {
  stream.Start();
  co_await connection.Run();
  stream.Close();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  int ends[2];
  CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
  std::string bytes =
      std::string(kPreface) + std::string(beleg::fuzz::View(data, std::min<size_t>(size, 64 << 10)));
  CHECK(::send(ends[0], bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()),
        "send");
  ::shutdown(ends[0], SHUT_WR);

  net::HttpServerState state;
  net::Handler grpc = net::ServeGrpc(&Echo, 1'000);
  state.options.body_bytes_max = 1'005;
  state.options.head_bytes_max = 1'000;
  state.options.http2.streams_max = 10;
  state.handler = [&grpc](net::Exchange& exchange) { return Answer(exchange, grpc); };
  asio::io_context context(1);
  tcp::socket socket(context);
  socket.assign(tcp::v4(), ends[1]);
  std::string scratch(16 << 10, '\0');
  auto stream = std::make_shared<net::SocketStream>(
      std::move(socket), scratch, net::SocketStream::Limits{64 << 10, std::chrono::seconds(1)});
  net::Http2Connection connection(*stream, "fuzz", context.get_executor(), state);
  bool ended = false;
  asio::co_spawn(context, Serve(connection, *stream), [&ended](const std::exception_ptr& failure) {
    CHECK(!failure, "no exception leaves a connection");
    ended = true;
  });
  context.run_for(std::chrono::seconds(5));
  CHECK(ended, "a connection ends with its client");
  ::close(ends[0]);
  return 0;
}
