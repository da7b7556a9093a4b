// beleg store: spans in, records mirrored, everything findable.

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/mirror_key.h"
#include "app/run_file.h"
#include "app/store_log.h"
#include "base/log.h"
#include "io/durable.h"
#include "net/grpc_server.h"
#include "net/http_server.h"
#include "net/worker_pool.h"
#include "query/query_api.h"

namespace beleg::app {
namespace {

constexpr size_t kApiThreads = 8;                  // a query may wait up to 3 s for records to come
constexpr size_t kOtlpThreads = 8;                 // each waits for its group's fdatasync
constexpr size_t kQueueMax = 1'024;                // requests that wait for a thread
constexpr size_t kGrpcMessageBytesMax = 64 << 20;  // as over HTTP
constexpr std::chrono::milliseconds kDrain{5'000};

struct StoreCommandOptions {
  std::string data = "data/store", listen = "127.0.0.1:3301", otlp_listen = "127.0.0.1:14318",
              otlp_grpc_listen = "127.0.0.1:14317";
  std::vector<std::string> ledgers;
  std::string ledger_token_file, ledger_vkey, api_key, run_file, mirror_dir;
  std::string mirror_name, manifest_file;
  int64_t silence_limit_s = 300, read_wait_ms = 3'000;
  uint64_t duckdb_memory_mb = 256, metric_log_mb = 32, metric_points_max = 500'000;
  std::string log_dir;
  std::vector<std::string> log_witnesses;
  bool insecure_no_auth = false, own_log = true, compress_closed_days = true;
};

Result<std::vector<std::unique_ptr<store::Mirror>>> OpenMirrors(const StoreCommandOptions& options,
                                                                const witness::Cosigner& cosigner,
                                                                store::Store& store,
                                                                MetricRegistry& metrics) {
  std::vector<std::unique_ptr<store::Mirror>> mirrors;
  std::string token;
  if (!options.ledger_token_file.empty()) {
    TRY_ASSIGN(token, ReadToken(options.ledger_token_file));
  }
  for (const std::string& url : options.ledgers) {
    store::MirrorOptions mirror;
    mirror.dir = options.mirror_dir.empty() ? options.data + "/mirror" : options.mirror_dir;
    if (options.ledgers.size() > 1) mirror.dir += fmt::format("/{}", mirrors.size());
    mirror.url = url;
    mirror.token = token;
    mirror.vkey = options.ledger_vkey;
    mirror.silence_limit = std::chrono::seconds(options.silence_limit_s);
    mirror.cosigner = &cosigner;
    mirror.compress_closed_days = options.compress_closed_days;
    mirror.metrics = &metrics;
    TRY_ASSIGN(std::unique_ptr<store::Mirror> opened, store::Mirror::Open(std::move(mirror), store));
    mirrors.push_back(std::move(opened));
  }
  return mirrors;
}

// The three listeners. Work that blocks runs on the pools, which outlive the servers.
struct Doors {
  std::unique_ptr<net::WorkerPool> api_pool, otlp_pool;
  std::unique_ptr<net::HttpServer> api, otlp;
  std::unique_ptr<net::GrpcServer> otlp_grpc;

  void Stop() {
    otlp_grpc->Stop(kDrain);
    otlp->Stop(kDrain);
    api->Stop(kDrain);
  }
};

struct Endpoints {
  net::Endpoint api, otlp, otlp_grpc;
};

Result<Endpoints> CheckEndpoints(const StoreCommandOptions& options) {
  Endpoints out;
  TRY_ASSIGN(out.api, net::ParseEndpoint(options.listen));
  TRY_ASSIGN(out.otlp, net::ParseEndpoint(options.otlp_listen));
  TRY_ASSIGN(out.otlp_grpc, net::ParseEndpoint(options.otlp_grpc_listen));
  const bool has_key = !options.api_key.empty();
  TRY(CheckBind(out.api.host, has_key, options.insecure_no_auth, "the store's API"));
  for (const net::Endpoint& receiver : {out.otlp, out.otlp_grpc}) {
    TRY(CheckBind(receiver.host, has_key, options.insecure_no_auth, "the store's OTLP receiver"));
  }
  return out;
}

// own_log: null when there is none.
Result<Doors> OpenDoors(const Endpoints& endpoints, query::QueryApi& api, const StoreLog* own_log) {
  Doors out;
  out.api_pool = net::WorkerPool::Start(kApiThreads, kQueueMax);
  out.otlp_pool = net::WorkerPool::Start(kOtlpThreads, kQueueMax);
  net::HttpServerOptions http;
  http.listen = endpoints.api;
  TRY_ASSIGN(out.api, net::HttpServer::Listen(
                          http, net::OnPool(*out.api_pool, [&api, own_log](const net::HttpRequest& request) {
                            const bool is_own = own_log != nullptr && own_log->Serves(request);
                            return is_own ? own_log->Handle(request) : api.Handle(request);
                          })));
  http.listen = endpoints.otlp;
  TRY_ASSIGN(out.otlp, net::HttpServer::Listen(
                           http, net::OnPool(*out.otlp_pool, [&api](const net::HttpRequest& request) {
                             return api.HandleOtlp(request);
                           })));
  net::GrpcServerOptions grpc;
  grpc.listen = endpoints.otlp_grpc;
  grpc.message_bytes_max = kGrpcMessageBytesMax;
  TRY_ASSIGN(out.otlp_grpc,
             net::GrpcServer::Listen(grpc, net::OnPool(*out.otlp_pool, [&api](net::GrpcCall call) {
                                       return api.HandleOtlpGrpc(std::move(call));
                                     })));
  return out;
}

Result<std::unique_ptr<store::Store>> OpenStore(const StoreCommandOptions& options, MetricRegistry& metrics) {
  store::StoreOptions out;
  out.dir = options.data;
  out.duckdb_memory_bytes = options.duckdb_memory_mb << 20;
  out.metric_log_bytes_max = options.metric_log_mb << 20;
  out.metric_points_max = options.metric_points_max;
  out.metrics = &metrics;
  return store::Store::Open(std::move(out));
}

// own_log: null when there is none.
Result<std::unique_ptr<store::ManifestWatch>> OpenManifest(const StoreCommandOptions& options,
                                                           StoreLog* own_log, MetricRegistry& metrics) {
  store::ManifestWatchOptions watch;
  watch.path = options.manifest_file;
  watch.recorded_path = options.data + "/manifest.json";
  if (own_log != nullptr) watch.log = &own_log->log();
  watch.metrics = &metrics;
  auto opened = store::ManifestWatch::Open(std::move(watch));
  if (!opened) return Fail(std::move(opened.error()), "--manifest");
  return opened;
}

StoreLogOptions OwnLogOptions(const StoreCommandOptions& options, MetricRegistry& metrics) {
  StoreLogOptions log;
  log.dir = options.log_dir.empty() ? options.data + "/log" : options.log_dir;
  log.api_key = options.api_key;
  log.witnesses = options.log_witnesses;
  log.compress_closed_days = options.compress_closed_days;
  log.settings = {{"api_key", options.api_key.empty() ? "none" : "set"},
                  {"insecure_no_auth", options.insecure_no_auth ? "true" : "false"},
                  {"ledgers", std::to_string(options.ledgers.size())},
                  {"listen", options.listen},
                  {"manifest", options.manifest_file.empty() ? "none" : "set"},
                  {"otlp_listen", options.otlp_listen}};
  log.metrics = &metrics;
  return log;
}

std::string HoldsPath(const StoreCommandOptions& options) { return options.data + "/holds.json"; }

// Without a log no holds are kept, and those of before must not be forgotten by that.
Result<void> CheckNoLog(const StoreCommandOptions& options) {
  if (options.own_log) return {};
  auto none = store::Holds::CheckNoneSet(io::PosixFileSystem(), HoldsPath(options));
  if (none) return {};
  return Fail(std::move(none.error()),
              "--no-log: holds need the log; lift them while it is kept (beleg audit hold)");
}

Result<void> RunStore(const StoreCommandOptions& options) {
  BlockStopSignals();
  TRY_ASSIGN(Endpoints endpoints, CheckEndpoints(options));
  TRY(CheckNoLog(options));
  MetricRegistry metrics;
  TRY_ASSIGN(std::unique_ptr<store::Store> store, OpenStore(options, metrics));
  SystemRng rng;
  TRY_ASSIGN(auto cosigner, OpenMirrorKey(options.data, options.mirror_name, rng));
  TRY_ASSIGN(auto mirrors, OpenMirrors(options, *cosigner, *store, metrics));
  std::vector<store::Mirror*> views;
  for (auto& mirror : mirrors) views.push_back(mirror.get());
  std::unique_ptr<StoreLog> own_log;
  if (options.own_log) {
    TRY_ASSIGN(own_log, StoreLog::Open(OwnLogOptions(options, metrics)));
  }
  TRY_ASSIGN(auto manifest, OpenManifest(options, own_log.get(), metrics));
  query::QueryApiOptions api_options;
  std::unique_ptr<store::Holds> holds;
  if (own_log) {
    api_options.log = &own_log->log();
    TRY_ASSIGN(holds, store::Holds::Open({.path = HoldsPath(options), .log = api_options.log}, *store));
    api_options.holds = holds.get();
  }
  api_options.api_key = options.api_key;
  api_options.visible_wait = std::chrono::milliseconds(options.read_wait_ms);
  api_options.metrics = &metrics;
  api_options.cosigner_vkey = cosigner->vkey();
  api_options.manifest = manifest.get();
  query::QueryApi api(api_options, *store, views);
  TRY_ASSIGN(Doors doors, OpenDoors(endpoints, api, own_log.get()));
  TRY(WriteRunFile(options.run_file, {.port = doors.api->port(),
                                      .otlp_port = doors.otlp->port(),
                                      .otlp_grpc_port = doors.otlp_grpc->port(),
                                      .vkey = cosigner->vkey()}));
  LOG_INFO("store.ready", F("port", doors.api->port()), F("otlp_port", doors.otlp->port()),
           F("otlp_grpc_port", doors.otlp_grpc->port()));
  int signal = WaitForStopSignal();
  LOG_INFO("store.stopping", F("signal", signal));
  doors.Stop();
  for (auto& mirror : mirrors) mirror->Close();
  store->Close();
  manifest->Stop();
  if (own_log) own_log->Close();
  return {};
}

}  // namespace

void AddStore(CLI::App& program, Action& action) {
  auto options = std::make_shared<StoreCommandOptions>();  // shared with the action, which runs after parsing
  CLI::App* command = program.add_subcommand("store", "Keep spans and mirrored records, answer queries");
  command->add_option("--data", options->data, "Folder of the store")->capture_default_str();
  command->add_option("--mirror-dir", options->mirror_dir,
                      "Folder of the mirrored logs; default: DATA/mirror");
  command->add_option("--listen", options->listen, "API")->capture_default_str();
  command->add_option("--otlp-listen", options->otlp_listen, "OTLP/HTTP receiver")->capture_default_str();
  command->add_option("--otlp-grpc-listen", options->otlp_grpc_listen, "OTLP/gRPC receiver")
      ->capture_default_str();
  command->add_option("--ledger", options->ledgers, "URL of a log to mirror; may be given several times");
  command->add_option("--ledger-token-file", options->ledger_token_file,
                      "File (0600) with the bearer token for it");
  command->add_option("--ledger-vkey", options->ledger_vkey,
                      "The log's key; default: pinned at first contact");
  command->add_option("--mirror-name", options->mirror_name,
                      "Name of the key that cosigns mirrored logs, at its making; default: random");
  command->add_option("--manifest", options->manifest_file,
                      "File (JSON) of the logs that must be writing; others are findings. Read again when it "
                      "changes");
  command
      ->add_option("--silence-limit-s", options->silence_limit_s,
                   "A log that has not grown for so long is an alarm")
      ->capture_default_str();
  command
      ->add_option("--read-wait-ms", options->read_wait_ms,
                   "How long a read waits for what the logs have meanwhile")
      ->check(CLI::Range(0, 600'000))
      ->capture_default_str();
  command->add_option("--log-dir", options->log_dir,
                      "Folder of this host's own log (reads, prunes, reconciliations); default: DATA/log");
  command->add_option(
      "--log-witness", options->log_witnesses,
      "URL=VKEY of a witness that cosigns it, such as serve's http://HOST:8001/witness; several");
  command->add_flag("!--no-log", options->own_log, "Keep none: nobody can see later who looked");
  command->add_flag("!--keep-bundles-plain", options->compress_closed_days,
                    "Do not compress the logs' entry bundles when their day is over: for programs of others "
                    "that read the folders themselves");
  command->add_option("--api-key", options->api_key, "Key asked by the API and the receiver");
  command->add_option("--duckdb-memory-mb", options->duckdb_memory_mb, "Memory of the query engine")
      ->capture_default_str();
  command
      ->add_option("--metric-log-mb", options->metric_log_mb,
                   "Disk that received metrics may take; the oldest go")
      ->check(CLI::Range(8, 1 << 20))
      ->capture_default_str();
  command
      ->add_option("--metric-points-max", options->metric_points_max,
                   "Metric points to answer from; the oldest go")
      ->check(CLI::Range(1'000, 100'000'000))
      ->capture_default_str();
  command->add_flag("--insecure-no-auth", options->insecure_no_auth,
                    "Allow wider than loopback without a key");
  command->add_option("--run-file", options->run_file, "Write pid and ports there when ready");
  command->callback([options, &action] {
    action = [options] {
      Result<void> done = RunStore(*options);
      return done ? kExitOk : Complain("store", done.error());
    };
  });
}

}  // namespace beleg::app
