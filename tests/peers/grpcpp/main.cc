// C++'s gRPC (grpc++) as the other end for tests/integration/test_grpc.py, and beside ours in `make bench-net`. No code of ours.
//   grpc_cpp call TARGET      makes calls to grpc_peer's methods; prints what is wrong, or "ok"
//   grpc_cpp serve            serves the same methods; prints "listening PORT", ends when standard input does
//   grpc_cpp bench SECONDS    what its own unary call costs, client and server in one process, as net_bench does
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <functional>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

namespace {

using grpc::ByteBuffer;
using grpc::Status;
using grpc::StatusCode;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

const std::string kService = "/beleg.test.Peer/";
const std::string kRaw("\0\xff", 2);
constexpr int kMessageBytesMax = 8 << 20;

ByteBuffer ToBuffer(const std::string& bytes) {
  grpc::Slice slice(bytes);
  return ByteBuffer(&slice, 1);
}

std::string ToString(const ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices)
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

// The server ---------------------------------------------------------------------------------------------

// One unary call: reads the message, then does what the method's name says.
class Call : public grpc::ServerGenericBidiReactor {
 public:
  explicit Call(grpc::GenericCallbackServerContext* context) : context_(context) { StartRead(&request_); }

  void OnReadDone(bool ok) override {
    const std::string method = context_->method().substr(context_->method().rfind('/') + 1);
    if (!ok) return End(Status(StatusCode::INTERNAL, "no message"));
    if (method == "Echo") return Echo();
    if (method == "Export") return Answer(ToBuffer(std::string("\x0a\0", 2)));
    if (method == "Fail") return End(Status(StatusCode::FAILED_PRECONDITION, "größer 100%"));
    if (method != "Slow") End(Status(StatusCode::UNIMPLEMENTED, "unknown method"));
  }
  void OnCancel() override { End(Status::CANCELLED); }
  void OnDone() override { delete this; }

 private:
  void Echo() {
    auto raw = context_->client_metadata().find("x-raw-bin");
    if (raw == context_->client_metadata().end() ||
        std::string(raw->second.data(), raw->second.size()) != kRaw)
      return End(Status(StatusCode::INTERNAL, "metadata was lost"));
    Answer(request_);
  }
  void Answer(ByteBuffer reply) {
    if (ended_.exchange(true)) return;
    reply_ = std::move(reply);
    StartWriteAndFinish(&reply_, {}, Status::OK);
  }
  void End(Status status) {
    if (!ended_.exchange(true)) Finish(std::move(status));
  }

  grpc::GenericCallbackServerContext* const context_;
  ByteBuffer request_, reply_;
  std::atomic<bool> ended_{false};  // a cancellation comes from another thread
};

class Service : public grpc::CallbackGenericService {
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    return new Call(context);
  }
};

class Server {
 public:
  Server() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterCallbackGenericService(&service_);
    server_ = builder.BuildAndStart();
  }
  ~Server() { server_->Shutdown(std::chrono::system_clock::now() + milliseconds(1'000)); }
  int port() const { return port_; }

 private:
  int port_ = 0;
  Service service_;
  std::unique_ptr<grpc::Server> server_;
};

// The client ---------------------------------------------------------------------------------------------

class Client {
 public:
  explicit Client(const std::string& target) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
    stub_ = std::make_unique<grpc::GenericStub>(
        grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments));
  }

  // done is called once, from a thread of grpc++.
  void Start(grpc::ClientContext& context, const std::string& method, const ByteBuffer& request,
             ByteBuffer& reply, std::function<void(Status)> done) {
    stub_->UnaryCall(&context, method, {}, &request, &reply, std::move(done));
  }
  Status Run(grpc::ClientContext& context, const std::string& method, const ByteBuffer& request,
             ByteBuffer& reply) {
    std::mutex mutex;
    std::condition_variable ended;
    std::optional<Status> status;
    Start(context, method, request, reply, [&](Status got) {
      std::lock_guard lock(mutex);
      status = std::move(got);
      ended.notify_one();
    });
    std::unique_lock lock(mutex);
    ended.wait(lock, [&] { return status.has_value(); });
    return *status;
  }

 private:
  std::unique_ptr<grpc::GenericStub> stub_;
};

Status RunFor(Client& client, const std::string& method, const std::string& message, milliseconds limit,
              std::string* answer = nullptr, bool gzip = false) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + limit);
  context.AddMetadata("x-text", "value");
  context.AddMetadata("x-raw-bin", kRaw);
  if (gzip) context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  ByteBuffer reply;
  Status status = client.Run(context, kService + method, ToBuffer(message), reply);
  if (status.ok() && answer != nullptr) *answer = ToString(reply);
  for (const auto* fields : {&context.GetServerInitialMetadata(), &context.GetServerTrailingMetadata()}) {
    auto raw = fields->find("x-raw-bin");
    if (status.ok() && method == "Echo" &&
        (raw == fields->end() || std::string(raw->second.data(), raw->second.size()) != kRaw))
      return Status(StatusCode::INTERNAL, "metadata came back changed");
  }
  return status;
}

std::string Describe(const Status& status) {
  return std::to_string(status.error_code()) + " " + status.error_message();
}

std::string CheckSizes(Client& client) {
  for (size_t size : {0, 1, 1'000, 16'384, 400'000, 4 << 20}) {
    for (bool gzip : {false, true}) {
      std::string message(size, 'm'), answer;
      Status status = RunFor(client, "Echo", message, milliseconds(30'000), &answer, gzip);
      if (!status.ok() || answer != message) return std::to_string(size) + " bytes: " + Describe(status);
    }
  }
  return "";
}

std::string CheckCodes(Client& client) {
  for (int code = 1; code <= 16; ++code) {
    Status status = RunFor(client, "Fail", std::to_string(code) + " größer\n100%", milliseconds(30'000));
    if (status.error_code() != code || status.error_message() != "größer\n100%" ||
        status.error_details().empty())
      return "status " + std::to_string(code) + " came as " + Describe(status);
  }
  const std::map<std::string, StatusCode> wanted = {{"Nothing", StatusCode::UNIMPLEMENTED},
                                                    {"Slow", StatusCode::DEADLINE_EXCEEDED}};
  for (const auto& [method, code] : wanted) {
    Status status = RunFor(client, method, "", milliseconds(300));
    if (status.error_code() != code) return method + ": " + Describe(status);
  }
  Status big = RunFor(client, "Echo", std::string(5 << 20, 'm'), milliseconds(30'000));
  if (big.error_message() != "grpc: received message larger than max (5242880 vs. 4194304)")
    return "oversize: " + Describe(big);
  return "";
}

std::string CheckThousand(Client& client) {
  struct OneCall {
    grpc::ClientContext context;
    ByteBuffer request, reply;
    Status status;
  };
  std::vector<OneCall> calls(1'000);
  std::mutex mutex;
  std::condition_variable ended;
  size_t left = calls.size();
  for (size_t i = 0; i < calls.size(); ++i) {
    OneCall& call = calls[i];
    call.request = ToBuffer(std::string(100, static_cast<char>('a' + i % 26)) + std::to_string(i));
    call.context.set_deadline(std::chrono::system_clock::now() + milliseconds(60'000));
    client.Start(call.context, kService + "Echo", call.request, call.reply, [&](Status status) {
      call.status = std::move(status);
      std::lock_guard lock(mutex);
      if (--left == 0) ended.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  ended.wait(lock, [&] { return left == 0; });
  for (const OneCall& call : calls)
    if (!call.status.ok() || ToString(call.reply) != ToString(call.request))
      return "one of 1000: " + Describe(call.status);
  return "";
}

int RunClient(const std::string& target) {
  Client client(target);
  for (auto check : {CheckSizes, CheckCodes, CheckThousand}) {
    std::string wrong = check(client);
    if (!wrong.empty()) return std::fprintf(stderr, "%s\n", wrong.c_str()), 1;
  }
  std::puts("ok");
  return 0;
}

int RunServer() {
  Server server;
  std::cout << "listening " << server.port() << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {}
  return 0;
}

// The bench ----------------------------------------------------------------------------------------------

int64_t CpuMicros() {
  ::rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  auto micros = [](const ::timeval& time) { return int64_t{time.tv_sec} * 1'000'000 + time.tv_usec; };
  return micros(usage.ru_utime) + micros(usage.ru_stime);
}

void Measure(Client& client, size_t bytes, size_t callers, std::chrono::seconds limit) {
  const std::string message(bytes, 'm');
  std::atomic<size_t> calls = 0, failures = 0;
  int64_t cpu_before = CpuMicros();
  auto begin = steady_clock::now();
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < callers; ++i) {
      threads.emplace_back([&] {
        while (steady_clock::now() - begin < limit) {
          grpc::ClientContext context;
          ByteBuffer reply;
          if (!client.Run(context, "/bench.Sink/Export", ToBuffer(message), reply).ok()) ++failures;
          ++calls;
        }
      });
    }
  }
  double wall = std::chrono::duration<double, std::micro>(steady_clock::now() - begin).count();
  double cpu = static_cast<double>(CpuMicros() - cpu_before), count = static_cast<double>(calls);
  std::printf("%7zu bytes  %3zu callers  %9.1f us/call  %9.1f us CPU/call  %9.0f calls/s  %zu failed\n",
              bytes, callers, wall / count, cpu / count, count / wall * 1e6, failures.load());
}

int RunBench(int seconds) {
  Server server;
  Client client("127.0.0.1:" + std::to_string(server.port()));
  for (size_t bytes : {1'000ul, 400'000ul})
    for (size_t callers : {1ul, 16ul, 128ul}) Measure(client, bytes, callers, std::chrono::seconds(seconds));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string what = argc > 1 ? argv[1] : "";
  if (what == "serve" && argc == 2) return RunServer();
  if (what == "call" && argc == 3) return RunClient(argv[2]);
  if (what == "bench" && argc == 3) return RunBench(std::max(std::atoi(argv[2]), 1));
  std::fprintf(stderr, "usage: grpc_cpp serve | call TARGET | bench SECONDS\n");
  return 2;
}
