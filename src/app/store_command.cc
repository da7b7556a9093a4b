// beleg store: spans in, records mirrored, everything findable.

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/run_file.h"
#include "base/log.h"
#include "io/durable.h"
#include "net/http_server.h"
#include "net/worker_pool.h"
#include "query/query_api.h"

namespace beleg::app {
namespace {

constexpr size_t kApiThreads = 8;   // a query may wait up to 3 s for records to come
constexpr size_t kOtlpThreads = 8;  // each waits for its group's fdatasync
constexpr size_t kQueueMax = 256;
constexpr std::chrono::milliseconds kDrain{5'000};

struct StoreCommandOptions {
  std::string data = "data/store", listen = "127.0.0.1:3301", otlp_listen = "127.0.0.1:14318";
  std::vector<std::string> ledgers;
  std::string ledger_token_file, ledger_vkey, api_key, run_file, mirror_dir;
  uint64_t duckdb_memory_mb = 256;
  bool insecure_no_auth = false;
};

Result<std::vector<std::unique_ptr<store::Mirror>>> OpenMirrors(const StoreCommandOptions& options,
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
    mirror.metrics = &metrics;
    TRY_ASSIGN(std::unique_ptr<store::Mirror> opened, store::Mirror::Open(std::move(mirror), store));
    mirrors.push_back(std::move(opened));
  }
  return mirrors;
}

Result<void> RunStore(const StoreCommandOptions& options) {
  BlockStopSignals();
  TRY_ASSIGN(net::Endpoint listen, net::ParseEndpoint(options.listen));
  TRY_ASSIGN(net::Endpoint otlp_listen, net::ParseEndpoint(options.otlp_listen));
  TRY(CheckBind(listen.host, !options.api_key.empty(), options.insecure_no_auth, "the store's API"));
  TRY(CheckBind(otlp_listen.host, !options.api_key.empty(), options.insecure_no_auth,
                "the store's OTLP receiver"));

  MetricRegistry metrics;
  store::StoreOptions store_options;
  store_options.dir = options.data;
  store_options.duckdb_memory_bytes = options.duckdb_memory_mb << 20;
  store_options.metrics = &metrics;
  TRY_ASSIGN(std::unique_ptr<store::Store> store, store::Store::Open(std::move(store_options)));
  TRY_ASSIGN(auto mirrors, OpenMirrors(options, *store, metrics));
  std::vector<store::Mirror*> views;
  for (auto& mirror : mirrors) views.push_back(mirror.get());
  query::QueryApiOptions api_options;
  api_options.api_key = options.api_key;
  api_options.metrics = &metrics;
  query::QueryApi api(api_options, *store, views);

  auto api_pool = net::WorkerPool::Start(kApiThreads, kQueueMax);
  auto otlp_pool = net::WorkerPool::Start(kOtlpThreads, kQueueMax);
  net::HttpServerOptions http;
  http.listen = listen;
  TRY_ASSIGN(auto api_http,
             net::HttpServer::Listen(http, net::OnPool(*api_pool, [&api](const net::HttpRequest& request) {
                                       return api.Handle(request);
                                     })));
  http.listen = otlp_listen;
  TRY_ASSIGN(auto otlp_http,
             net::HttpServer::Listen(http, net::OnPool(*otlp_pool, [&api](const net::HttpRequest& request) {
                                       return api.HandleOtlp(request);
                                     })));
  TRY(WriteRunFile(options.run_file, {0, api_http->port(), 0, otlp_http->port(), ""}));
  LOG_INFO("store.ready", F("port", api_http->port()), F("otlp_port", otlp_http->port()));
  int signal = WaitForStopSignal();
  LOG_INFO("store.stopping", F("signal", signal));
  otlp_http->Stop(kDrain);
  api_http->Stop(kDrain);
  for (auto& mirror : mirrors) mirror->Close();
  store->Close();
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
  command->add_option("--ledger", options->ledgers, "URL of a log to mirror; may be given several times");
  command->add_option("--ledger-token-file", options->ledger_token_file,
                      "File (0600) with the bearer token for it");
  command->add_option("--ledger-vkey", options->ledger_vkey,
                      "The log's key; default: pinned at first contact");
  command->add_option("--api-key", options->api_key, "Key asked by the API and the receiver");
  command->add_option("--duckdb-memory-mb", options->duckdb_memory_mb, "Memory of the query engine")
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
