// beleg witness: cosigns the checkpoints of other hosts' logs.

#include <cstdio>

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/run_file.h"
#include "base/log.h"
#include "net/http_server.h"
#include "net/worker_pool.h"
#include "witness/witness.h"

namespace beleg::app {
namespace {

constexpr size_t kThreads = 4;  // each may wait for the disk
constexpr size_t kQueueMax = 256;
constexpr size_t kConnectionsMax = 1024;
constexpr size_t kLogListBytesMax = 4 << 20;
constexpr std::chrono::milliseconds kDrain{5'000};

struct WitnessCommandOptions {
  std::string data = "data/witness", listen = "127.0.0.1:8008", name, logs_file, run_file;
  std::vector<std::string> logs;
};

Result<witness::KnownLogs> ReadLogs(const WitnessCommandOptions& options) {
  witness::KnownLogs logs;
  for (const std::string& vkey : options.logs) TRY(logs.Add(vkey));
  if (!options.logs_file.empty()) {
    TRY_ASSIGN(std::string text, io::ReadFile(io::PosixFileSystem(), options.logs_file, kLogListBytesMax));
    if (auto added = logs.AddList(text); !added) return Fail(added.error(), "{}", options.logs_file);
  }
  return logs;
}

// A new key would say nothing about what the lost one cosigned, so that is an error and never a new key.
Result<std::unique_ptr<witness::Cosigner>> OpenKey(const WitnessCommandOptions& options) {
  io::FileSystem& fs = io::PosixFileSystem();
  const std::string path = options.data + "/key";
  TRY_ASSIGN(const bool has_key, fs.Exists(path));
  TRY_ASSIGN(const bool has_cosigned, fs.Exists(options.data + "/logs"));
  if (!has_key && has_cosigned)
    return Fail(ErrorCode::kFailedPrecondition,
                "{}: what it cosigned is there, the key is missing. Put it back from where you keep it (mode "
                "600); if it is lost, begin a new witness in another folder",
                path);
  SystemRng rng;
  return witness::Cosigner::Open(fs, path, options.name, "beleg-witness-", rng);
}

Result<void> RunWitness(const WitnessCommandOptions& options) {
  BlockStopSignals();
  net::HttpServerOptions http;
  TRY_ASSIGN(http.listen, net::ParseEndpoint(options.listen));
  http.body_bytes_max = witness::kRequestBytesMax;
  http.connections_max = kConnectionsMax;

  MetricRegistry metrics;
  TRY_ASSIGN(auto cosigner, OpenKey(options));
  witness::WitnessOptions witness_options;
  witness_options.dir = options.data;
  TRY_ASSIGN(witness_options.logs, ReadLogs(options));
  witness_options.metrics = &metrics;
  TRY_ASSIGN(auto witness, witness::Witness::Open(std::move(witness_options), *cosigner));
  auto pool = net::WorkerPool::Start(kThreads, kQueueMax);
  TRY_ASSIGN(auto server,
             net::HttpServer::Listen(http, net::OnPool(*pool, [&](const net::HttpRequest& request) {
                                       return witness->Handle(request);
                                     })));
  TRY(WriteRunFile(options.run_file, {.port = server->port(), .vkey = cosigner->vkey()}));
  fmt::print("{}\n", cosigner->vkey());
  std::fflush(stdout);
  LOG_INFO("witness.ready", F("port", server->port()), F("vkey", cosigner->vkey()));
  int signal = WaitForStopSignal();
  LOG_INFO("witness.stopping", F("signal", signal));
  server->Stop(kDrain);
  return {};
}

}  // namespace

void AddWitness(CLI::App& program, Action& action) {
  auto options =
      std::make_shared<WitnessCommandOptions>();  // shared with the action, which runs after parsing
  CLI::App* command = program.add_subcommand(
      "witness", "Cosign the checkpoints of other hosts' logs, and refuse rewritten ones");
  command->add_option("--data", options->data, "Folder of its key and memory")->capture_default_str();
  command
      ->add_option("--listen", options->listen, "C2SP tlog-witness; checkpoints carry their authentication")
      ->capture_default_str();
  command->add_option("--name", options->name, "Name of the key, at its making; default: random");
  command->add_option("--log", options->logs, "Verifier key of a log to cosign; may be given several times");
  command->add_option("--logs", options->logs_file, "File with more of them (logs/v0)");
  command->add_option("--run-file", options->run_file, "Write pid, port and vkey there when ready");
  command->callback([options, &action] {
    action = [options] {
      Result<void> done = RunWitness(*options);
      return done ? kExitOk : Complain("witness", done.error());
    };
  });
}

}  // namespace beleg::app
