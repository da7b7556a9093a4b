#include "app/up_parts.h"

#include "app/command.h"
#include "app/default_collector.h"
#include "app/mirror_key.h"
#include "base/rng.h"
#include "io/durable.h"
#include "ledger/identity.h"
#include "serve/server.h"
#include "witness/cosigner.h"

namespace beleg::app {
namespace {

std::string Loopback(uint16_t port) { return fmt::format("127.0.0.1:{}", port); }
std::string RunDir(const UpOptions& options) { return options.data + "/run"; }
std::string TokenFile(const UpOptions& options) { return options.data + "/keys/ledger.token"; }
std::string LedgerDir(const UpOptions& options) { return options.data + "/ledger"; }
std::string StoreDir(const UpOptions& options) { return options.data + "/store"; }
std::string LogDir(const UpOptions& options) { return StoreDir(options) + "/log"; }

}  // namespace

Result<std::vector<net::ReservedPort>> ReservePorts(UpPorts& ports) {
  std::vector<net::ReservedPort> reserved;
  for (uint16_t* port : {&ports.serve, &ports.ledger, &ports.collector_grpc, &ports.collector_http,
                         &ports.collector_metrics, &ports.store, &ports.store_http, &ports.store_grpc}) {
    if (*port != 0) continue;
    TRY_ASSIGN(net::ReservedPort one, net::ReservedPort::Choose());
    *port = one.number();
    reserved.push_back(std::move(one));
  }
  return reserved;
}

Result<void> MakeFolders(UpOptions& options) {
  io::FileSystem& fs = io::PosixFileSystem();
  TRY(io::MakeFoldersDurably(fs, options.data, 0700));
  for (std::string_view name : {"/ledger", "/collector", "/store", "/mirror", "/keys", "/run"})
    TRY(io::MakeFoldersDurably(fs, options.data + std::string(name), 0700));
  TRY(ReadOrMakeToken(TokenFile(options)));
  if (!options.collector_config.empty()) return {};
  options.collector_config = options.data + "/collector/config.yaml";
  TRY_ASSIGN(bool there, fs.Exists(options.collector_config));
  if (there) return {};
  return io::WriteFileDurably(fs, options.collector_config, kDefaultCollectorConfig);
}

Result<void> MakeKeys(UpOptions& options) {
  io::FileSystem& fs = io::PosixFileSystem();
  SystemRng rng;
  TRY(io::MakeFoldersDurably(fs, LogDir(options)));
  TRY_ASSIGN(ledger::Identity log, ledger::OpenIdentity(fs, LogDir(options), "", rng));
  options.log_vkey = log.signer->vkey();
  TRY_ASSIGN(auto witness, serve::OpenWitnessKey(LedgerDir(options), rng));
  options.log_witness_vkey = witness->vkey();
  TRY_ASSIGN(auto mirror, OpenMirrorKey(StoreDir(options), "", rng));
  options.mirror_vkey = mirror->vkey();
  return {};
}

Part ServePart(const UpOptions& options) {
  const UpPorts& ports = options.ports;
  std::vector<std::string> arguments = {
      "serve",
      "--model",
      options.model,
      "--engine",
      options.engine,
      "--port",
      fmt::format("{}", ports.serve),
      "--ledger",
      LedgerDir(options),
      "--ledger-listen",
      Loopback(ports.ledger),
      "--ledger-token-file",
      TokenFile(options),
      "--witness-log",
      options.log_vkey,
      "--mirror",
      fmt::format("http://{}/mirror={}", Loopback(ports.store), options.mirror_vkey),
      "--ack",
      options.ack,
      "--region",
      options.region,
      "--environment",
      options.environment,
      "--otlp-traces-endpoint",
      "http://" + Loopback(ports.collector_grpc)};
  if (!options.served_name.empty())
    arguments.insert(arguments.end(), {"--served-model-name", options.served_name});
  for (const std::string& key : options.api_keys) arguments.insert(arguments.end(), {"--api-key", key});
  for (const std::string& witness : options.witnesses)
    arguments.insert(arguments.end(), {"--witness", witness});
  return Part("serve", std::move(arguments), RunDir(options));
}

// Its configuration names these variables.
Part CollectorPart(const UpOptions& options) {
  const UpPorts& ports = options.ports;
  Part::Environment environment = {{"BELEG_REGION", options.region},
                                   {"BELEG_ENVIRONMENT", options.environment}};
  auto add = [&environment](std::string name, uint16_t port) {
    environment.emplace_back(std::move(name), fmt::format("{}", port));
  };
  add("BELEG_SERVE_PORT", ports.serve);
  add("BELEG_COLLECTOR_GRPC_PORT", ports.collector_grpc);
  add("BELEG_COLLECTOR_HTTP_PORT", ports.collector_http);
  add("BELEG_COLLECTOR_METRICS_PORT", ports.collector_metrics);
  add("BELEG_STORE_GRPC_PORT", ports.store_grpc);
  add("BELEG_STORE_HTTP_PORT", ports.store_http);
  return Part("collector", {"collector", "--config", options.collector_config}, RunDir(options),
              std::move(environment));
}

Part StorePart(const UpOptions& options) {
  const UpPorts& ports = options.ports;
  return Part("store",
              {"store", "--data", StoreDir(options), "--mirror-dir", options.data + "/mirror", "--listen",
               Loopback(ports.store), "--otlp-listen", Loopback(ports.store_http), "--otlp-grpc-listen",
               Loopback(ports.store_grpc), "--ledger", "http://" + Loopback(ports.ledger),
               "--ledger-token-file", TokenFile(options), "--log-witness",
               fmt::format("http://{}/witness={}", Loopback(ports.ledger), options.log_witness_vkey)},
              RunDir(options));
}

}  // namespace beleg::app
