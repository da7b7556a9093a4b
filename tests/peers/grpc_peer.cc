// Our gRPC server and client for tests against other implementations.
//   grpc_peer serve              prints "listening PORT", serves until a line comes on standard input, then drains
//   grpc_peer call TARGET METHOD COUNT BYTES none|gzip TIMEOUT_MS
//                                COUNT calls by 20 threads, each with BYTES bytes; prints "CODE MESSAGE xTIMES" a line
// The server's methods: /beleg.test.Peer/Echo gives back the message, metadata "x-…" as such and as trailers; Fail answers
// what the message says, "CODE TEXT"; Slow answers once the client is gone; any Export gets OTLP's empty answer.
#include <cstdio>
#include <iostream>
#include <map>
#include <thread>

#include "base/bytes.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "net/grpc_client.h"
#include "net/grpc_server.h"

namespace beleg::net {
namespace {

constexpr size_t kThreads = 20;

GrpcReply Echo(GrpcCall call) {
  GrpcReply reply;
  for (const auto& [name, value] : call.metadata.fields()) {
    if (!name.starts_with("x-")) continue;
    reply.metadata.Add(name, value);
    reply.trailers.Add(name, value);
  }
  reply.message = std::move(call.message);
  return reply;
}

GrpcReply FailAsTold(std::string_view message) {
  size_t space = message.find(' ');
  auto code = ParseUint64(message.substr(0, space));
  if (!code || *code > 16) return GrpcFailure(GrpcCode::kInvalidArgument, "want CODE TEXT");
  GrpcReply reply = GrpcFailure(static_cast<GrpcCode>(*code), std::string(message.substr(space + 1)));
  SetRetryDelay(reply, std::chrono::milliseconds(1'500));
  return reply;
}

GrpcReply Serve(GrpcCall call) {
  if (call.method == "/beleg.test.Peer/Echo") return Echo(std::move(call));
  if (call.method == "/beleg.test.Peer/Fail") return FailAsTold(call.message);
  if (call.method == "/beleg.test.Peer/Slow") {
    while (!*call.cancelled) std::this_thread::yield();
    std::cout << "cancelled" << std::endl;
    return GrpcReply();
  }
  if (call.method.ends_with("/Export")) {
    GrpcReply reply;
    reply.message = std::string("\x0a\0", 2);  // partial_success, empty
    std::cout << "exported " << call.message.size() << std::endl;
    return reply;
  }
  return UnknownMethod(call.method);
}

int RunServer() {
  auto pool = WorkerPool::Start(8, 10'000);
  auto server = GrpcServer::Listen({}, OnPool(*pool, &Serve));
  if (!server) return std::fprintf(stderr, "%s\n", server.error().message.c_str()), 1;
  std::cout << "listening " << (*server)->port() << std::endl;
  std::string line;
  std::getline(std::cin, line);
  (*server)->Stop(std::chrono::seconds(10));
  std::cout << "stopped" << std::endl;
  return 0;
}

// "0 " when the message came back as it was sent, which only Echo's must.
std::string CallOnce(GrpcClient& client, const std::string& method, const std::string& message) {
  auto reply = client.Call(method, {{"x-text", "value"}, {"x-raw-bin", std::string("\0\xff", 2)}}, message);
  if (!reply) return fmt::format("error {}", ErrorCodeName(reply.error().code));
  bool damaged = method.ends_with("/Echo") && reply->status.ok() && reply->message != message;
  if (damaged) return "damaged";
  return fmt::format("{} {}", static_cast<int>(reply->status.code), reply->status.message);
}

int RunClient(char** args) {
  GrpcClientOptions options;
  size_t count = ParseUint64(args[2]).value_or(1);
  std::string message(ParseUint64(args[3]).value_or(0), 'm');
  if (std::string_view(args[4]) == "gzip") options.compression = GrpcCompression::kGzip;
  options.call_timeout = std::chrono::milliseconds(ParseUint64(args[5]).value_or(1'000));
  auto client = GrpcClient::Open(args[0], options);
  if (!client) return std::fprintf(stderr, "%s\n", client.error().message.c_str()), 1;
  Mutex mutex;
  std::map<std::string, size_t> outcomes;
  {
    std::vector<Thread> threads;
    for (size_t t = 0; t < std::min(kThreads, count); ++t) {
      threads.emplace_back("caller", [&, t](const std::stop_token&) {
        for (size_t i = t; i < count; i += kThreads) {
          std::string outcome = CallOnce(**client, args[1], message);
          MutexLock lock(mutex);
          ++outcomes[outcome];
        }
      });
    }
  }
  for (const auto& [outcome, times] : outcomes) std::cout << outcome << " x" << times << std::endl;
  return 0;
}

}  // namespace
}  // namespace beleg::net

int main(int argc, char** argv) {
  std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "serve") return beleg::net::RunServer();
  if (what == "call" && argc == 8) return beleg::net::RunClient(argv + 2);
  std::fprintf(stderr, "usage: grpc_peer serve | call TARGET METHOD COUNT BYTES none|gzip TIMEOUT_MS\n");
  return 2;
}
