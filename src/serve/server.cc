#include "serve/server.h"

#include <boost/asio/this_coro.hpp>

#include "base/log.h"
#include "serve/api_keys.h"
#include "serve/inference.h"
#include "serve/ledger_api.h"
#include "serve/mirror_ack.h"
#include "serve/own_requests_api.h"
#include "serve/span_exporter.h"
#include "serve/witnessing.h"
#include "wire/json.h"
#include "witness/witness.h"

namespace beleg::serve {
namespace {

using wire::Json;

constexpr size_t kPoolThreads = 2;
constexpr size_t kPoolQueueMax = 1024;
constexpr size_t kLedgerPoolThreads = 4;
// From the end of a request that took all the time it may until its record is there, also over a restart; never longer than that time.
constexpr std::chrono::seconds kResolveMargin{60};
constexpr std::chrono::milliseconds kMirrorBackoffMax{2'000};  // while answers wait for it
constexpr std::chrono::milliseconds kExporterFarewell{3'000};
constexpr std::chrono::milliseconds kLedgerDrain{2'000};
constexpr std::chrono::milliseconds kWitnessFarewell{10'000};
constexpr std::string_view kWitnessPrefix = "/witness/";

std::string WitnessDir(const std::string& ledger_dir) { return ledger_dir + "/witness"; }

net::HttpResponse Unauthenticated() {
  return ErrorResponse({401, record::ErrorType::kNone,
                        "No valid API key was given (Authorization: Bearer KEY).", "", "invalid_api_key"});
}

net::HttpResponse Busy() {
  return ErrorResponse({503, record::ErrorType::kNone, "The server is busy; try again soon.", "", ""});
}

// What makes an HTTP request an inference request.
std::optional<record::Operation> InferenceRoute(const net::HttpRequest& request) {
  if (request.method != "POST") return std::nullopt;
  if (request.path() == "/v1/chat/completions") return record::Operation::kChat;
  if (request.path() == "/v1/completions") return record::Operation::kTextCompletion;
  return std::nullopt;
}

class ServerImpl final : public Server {
 public:
  ServerImpl(ServerOptions options, std::unique_ptr<engine::Engine> engine)
      : options_(std::move(options)), engine_(std::move(engine)) {}
  ~ServerImpl() override { Stop(); }

  Result<void> Open();
  uint16_t port() const override { return http_->port(); }
  uint16_t ledger_port() const override { return ledger_http_ ? ledger_http_->port() : 0; }
  std::vector<int> listen_sockets() const override {
    return ledger_http_ ? std::vector{http_->listen_socket(), ledger_http_->listen_socket()}
                        : std::vector<int>{};
  }
  const std::string& vkey() const override { return vkey_; }
  void Stop() override;

 private:
  Result<void> OpenLedger();
  Result<void> OpenTrail();
  Result<void> OpenWitness();
  Result<void> Listen();
  net::HttpResponse AnswerOnLedgerPort(const net::HttpRequest& request);
  static net::Awaitable<void> Handle(ServerImpl& server, net::Exchange& exchange);
  net::Awaitable<void> Infer(net::Exchange& exchange, record::Operation operation, std::string caller);
  net::Awaitable<void> AskLedger(net::Exchange& exchange, std::string caller);
  // A request whose body was not read whole: on record like any other, if it was one.
  static net::Awaitable<net::HttpResponse> RefuseUnread(ServerImpl& server, const net::HttpRequest& head,
                                                        int status, std::string message);
  net::HttpResponse Answer(const net::HttpRequest& request);
  net::HttpResponse Health() const;
  net::HttpResponse Models(std::string_view path) const;
  net::HttpResponse Metrics();
  net::HttpResponse NotFound(const net::HttpRequest& request);

  ServerOptions options_;
  std::unique_ptr<engine::Engine> engine_;
  SystemClock clock_;
  const int64_t start_unix_s_ = clock_.UnixMicros() / 1'000'000;
  SystemRng rng_;
  MetricRegistry registry_;
  ApiKeys keys_;
  std::unique_ptr<ServeMetrics> metrics_;
  ReceiptBook receipts_{{.clock = &clock_}};
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<CosignedCheckpoints> cosigned_;
  std::unique_ptr<MirrorAck> ack_;
  std::unique_ptr<AuditTrail> trail_;
  std::unique_ptr<Witnessing> witnessing_;
  std::unique_ptr<witness::Cosigner> cosigner_;  // of other hosts' logs, with witness_
  std::unique_ptr<witness::Witness> witness_;
  std::unique_ptr<SpanExporter> exporter_;
  std::unique_ptr<LedgerApi> ledger_api_;
  std::unique_ptr<OwnRequestsApi> own_requests_api_;
  std::unique_ptr<net::WorkerPool> pool_, ledger_pool_;
  std::unique_ptr<InferenceContext> context_;
  std::unique_ptr<net::HttpServer> http_, ledger_http_;
  std::string vkey_;
  bool stopped_ = false;
};

Result<void> ServerImpl::Open() {
  TRY_ASSIGN(keys_, ApiKeys::Parse(options_.api_keys));
  metrics_ = std::make_unique<ServeMetrics>(registry_, engine_->model().name);
  pool_ = net::WorkerPool::Start(kPoolThreads, kPoolQueueMax);
  ledger_pool_ = net::WorkerPool::Start(kLedgerPoolThreads, kPoolQueueMax);
  if (options_.audit != AuditMode::kOff) TRY(OpenLedger());
  TRY(OpenTrail());
  if (witnessing_) witnessing_->Start();
  context_ = std::make_unique<InferenceContext>(InferenceContext{
      *engine_, *trail_, *metrics_, receipts_, *pool_, clock_, rng_, options_.request_time_max});
  if (ledger_ && !options_.otlp_endpoint.empty()) {
    SpanExporterOptions exporter;
    exporter.protocol = options_.otlp_protocol;
    exporter.endpoint = options_.otlp_endpoint;
    exporter.headers = options_.otlp_headers;
    exporter.semconv = options_.semconv;
    exporter.ledger_dir = options_.ledger_dir;
    exporter.metrics = &registry_;
    TRY_ASSIGN(exporter_, SpanExporter::Start(std::move(exporter), *ledger_));
  }
  return Listen();
}

// Witnesses are asked before the boot record is appended: a log that was restored from an old copy must not grow.
Result<void> ServerImpl::OpenLedger() {
  ledger::LedgerOptions ledger;
  ledger.dir = options_.ledger_dir;
  ledger.origin = options_.origin;
  ledger.free_bytes_min = options_.ledger_free_bytes_min;
  ledger.compress_closed_days = options_.ledger_compress_closed_days;
  ledger.resolved_within_us = std::chrono::microseconds(options_.request_time_max +
                                                        std::min(kResolveMargin, options_.request_time_max))
                                  .count();
  ledger.metrics = &registry_;
  TRY_ASSIGN(ledger_, ledger::Ledger::Open(std::move(ledger)));
  vkey_ = ledger_->vkey();
  CosignedCheckpoints::Options cosigned;
  cosigned.dir = options_.ledger_dir + "/cosigned";
  cosigned.quorum = options_.witness_quorum;
  TRY_ASSIGN(cosigned_, CosignedCheckpoints::Open(std::move(cosigned)));
  WitnessingOptions witnessing;
  witnessing.witnesses = options_.witnesses;
  witnessing.mirror = options_.mirror;
  witnessing.mirror_required = options_.mirror_required;
  witnessing.ledger_dir = options_.ledger_dir;
  witnessing.metrics = &registry_;
  if (options_.mirror_ack) {
    MirrorAck::Options ack;
    ack.limit = *options_.mirror_ack;
    ack.beat = [this] { return trail_->BeatNow(); };
    ack_ = std::make_unique<MirrorAck>(std::move(ack), *ledger_);
    witnessing.backoff_max = kMirrorBackoffMax;
    witnessing.on_mirrored = [this](uint64_t size) { ack_->OnMirrored(size); };
  }
  TRY_ASSIGN(witnessing_, Witnessing::Open(std::move(witnessing), *ledger_, *cosigned_));
  ledger_api_ = std::make_unique<LedgerApi>(*ledger_, *cosigned_, *witnessing_, options_.ledger_token);
  own_requests_api_ = std::make_unique<OwnRequestsApi>(
      *ledger_, LedgerApi(*ledger_, *cosigned_, *witnessing_, ""), receipts_);
  return OpenWitness();
}

// This host's witness of other hosts' logs, the audit host's above all.
Result<void> ServerImpl::OpenWitness() {
  if (options_.witnessed_logs.all().empty()) return {};
  witness::WitnessOptions witness;
  witness.dir = WitnessDir(options_.ledger_dir);
  witness.logs = options_.witnessed_logs;
  witness.metrics = &registry_;
  TRY_ASSIGN(cosigner_, OpenWitnessKey(options_.ledger_dir, rng_));
  TRY_ASSIGN(witness_, witness::Witness::Open(std::move(witness), *cosigner_));
  LOG_INFO("serve.witness_of_others", F("vkey", cosigner_->vkey()));
  return {};
}

Result<void> ServerImpl::OpenTrail() {
  const engine::ModelInfo& info = engine_->model();
  AuditTrail::Options trail;
  trail.ledger = ledger_.get();
  trail.boot.version = options_.version;
  trail.boot.build = options_.build;
  trail.boot.service_name = options_.service_name;
  trail.boot.region = options_.region;
  trail.boot.environment = options_.environment;
  if (ledger_) trail.boot.host = ledger_->host();
  trail.open = options_.audit == AuditMode::kOpen;
  trail.boot.audit = Name(options_.audit);
  trail.boot.clock_source = "system";
  trail.model = {info.name,
                 info.file,
                 info.weights_sha256,
                 info.tokenizer_sha256,
                 info.chat_template_sha256,
                 static_cast<int64_t>(info.weights_bytes),
                 info.engine_name,
                 info.engine_version,
                 info.context_tokens,
                 info.parameter_count};
  trail.config.settings = options_.settings;
  trail.clock = &clock_;
  trail.rng = &rng_;
  TRY_ASSIGN(trail_, AuditTrail::Open(std::move(trail)));
  trail_->SetMirrorAck(ack_.get());
  return {};
}

Result<void> ServerImpl::Listen() {
  if (ledger_) {
    net::HttpServerOptions ledger;
    ledger.listen = options_.ledger_listen;
    ledger.listen_socket = options_.ledger_listen_socket;
    ledger.body_bytes_max = 1 << 20;
    TRY_ASSIGN(ledger_http_,
               net::HttpServer::Listen(std::move(ledger),
                                       net::OnPool(*ledger_pool_, [this](const net::HttpRequest& request) {
                                         return AnswerOnLedgerPort(request);
                                       })));
  }
  net::HttpServerOptions api;
  api.listen = options_.listen;
  api.listen_socket = options_.listen_socket;
  api.stop_grace = options_.stop_grace;
  api.threads = options_.threads;
  api.body_bytes_max = options_.body_bytes_max;
  // Asked for a head that could not be read; what was wrong with a body goes to refuse_body.
  api.make_error = [this](int status, std::string message) {
    // 500 and 503 are the server's own; every other page is for a head that could not be read.
    if (status != 500 && status != 503) ++trail_->counters().unreadable;
    return ErrorResponse({status, record::ErrorType::kInvalidRequest, std::move(message), "", ""});
  };
  api.refuse_body = [this](const net::HttpRequest& head, int status, std::string message) {
    return RefuseUnread(*this, head, status, std::move(message));
  };
  TRY_ASSIGN(http_, net::HttpServer::Listen(
                        std::move(api), [this](net::Exchange& exchange) { return Handle(*this, exchange); }));
  return {};
}

net::HttpResponse ServerImpl::AnswerOnLedgerPort(const net::HttpRequest& request) {
  if (!witness_ || !request.path().starts_with(kWitnessPrefix)) return ledger_api_->Handle(request);
  net::HttpRequest below = request;
  below.target.erase(0, kWitnessPrefix.size() - 1);
  return witness_->Handle(below);
}

net::Awaitable<void> ServerImpl::Handle(ServerImpl& server, net::Exchange& exchange) {
  const net::HttpRequest& request = exchange.request();
  std::string_view path = request.path();
  bool open = path == "/health" || path == "/ping" || path == "/version" || path == "/metrics";
  std::optional<std::string> caller = open ? "anonymous" : server.keys_.Authenticate(request.headers);
  if (!caller) {
    ++server.trail_->counters().unauthenticated;
    server.metrics_->CountHttp("unauthenticated", request.method, 401);
    net::HttpResponse refusal = Unauthenticated();
    (void)co_await exchange.Reply(std::move(refusal));
    co_return;
  }
  if (std::optional<record::Operation> operation = InferenceRoute(request)) {
    co_await server.Infer(exchange, *operation, std::move(*caller));
  } else if (path.starts_with("/audit/") && server.ledger_) {
    co_await server.AskLedger(exchange, std::move(*caller));
  } else {
    net::HttpResponse response = server.Answer(request);
    (void)co_await exchange.Reply(std::move(response));
  }
}

net::Awaitable<net::HttpResponse> ServerImpl::RefuseUnread(ServerImpl& server, const net::HttpRequest& head,
                                                           int status, std::string message) {
  record::ErrorType why = status == 413   ? record::ErrorType::kTooLarge
                          : status == 408 ? record::ErrorType::kTimeout
                          : status == 499 ? record::ErrorType::kClientGone
                          : status == 503 ? record::ErrorType::kRateLimited
                                          : record::ErrorType::kInvalidRequest;
  ApiError error{status, why, std::move(message), "", ""};
  std::optional<record::Operation> operation = InferenceRoute(head);
  std::optional<std::string> caller = server.keys_.Authenticate(head.headers);
  if (!caller) ++server.trail_->counters().unauthenticated;
  if (caller && !operation) ++server.trail_->counters().unknown_path;
  if (!operation || !caller) co_return ErrorResponse(error);
  if (auto may = server.trail_->MayRun(); !may)
    co_return RefuseForNoRoom(*server.context_, head, may.error());
  Admitted admitted = Admit(*server.context_, head, *operation, std::move(*caller));
  boost::asio::any_io_executor executor = co_await boost::asio::this_coro::executor;
  co_return co_await RecordRefusal(*server.context_, executor, admitted, head, error);
}

net::Awaitable<void> ServerImpl::Infer(net::Exchange& exchange, record::Operation operation,
                                       std::string caller) {
  InferenceRun run(*context_, exchange, operation, std::move(caller));
  co_await run.Run();
}

// A proof may wait for a checkpoint, so it is answered on the pool.
net::Awaitable<void> ServerImpl::AskLedger(net::Exchange& exchange, std::string caller) {
  OneShot<net::HttpResponse> done(exchange.executor());
  auto deliver = done.Setter();
  if (!ledger_pool_->Run([this, &caller, &exchange, deliver]() mutable {
        deliver(own_requests_api_->Handle(exchange.request(), caller));
      }))
    deliver(Busy());
  net::HttpResponse response = co_await done.Get();
  metrics_->CountHttp("/audit", exchange.request().method, response.status);
  (void)co_await exchange.Reply(std::move(response));
}

net::HttpResponse ServerImpl::Answer(const net::HttpRequest& request) {
  std::string_view path = request.path();
  bool read = request.method == "GET" || request.method == "HEAD";
  net::HttpResponse response;
  if (read && path == "/metrics") return Metrics();
  if (read && (path == "/health" || path == "/ping")) {
    response = Health();
  } else if (read && path == "/version") {
    response =
        net::MakeResponse(200, "application/json", Json::MakeObject({{"version", options_.version}}).Dump());
  } else if (read && (path == "/v1/models" || path.starts_with("/v1/models/"))) {
    response = Models(path);
    path = "/v1/models";
  } else {
    return NotFound(request);
  }
  metrics_->CountHttp(path, request.method, response.status);
  if (trail_->mode() != AuditMode::kClosed)
    response.headers.Add("Audit-Mode", std::string(Name(trail_->mode())));
  return response;
}

net::HttpResponse ServerImpl::Health() const {
  Result<void> ready = trail_->Ready();
  const bool open = trail_->mode() == AuditMode::kOpen;
  // Answers are withheld then, in each mode. What the mirror says stays inside, as its address does: nobody is asked for a key here.
  const bool withheld = ack_ && !witnessing_->IsMirrorWell();
  Json body = Json::MakeObject({{"status", withheld || (!ready && !open) ? "refusing"
                                           : ready                       ? "ok"
                                                                         : "answering without records"},
                                {"audit", Name(trail_->mode())},
                                {"model", engine_->model().name}});
  if (ledger_) {
    body.Set("origin", ledger_->origin());
    body.Set("records", static_cast<int64_t>(ledger_->durable_size()));
    const Json witnesses = witnessing_->Status();
    body.Set("independent_witness", *witnesses.Find("independent_witness"));
  }
  if (open) body.Set("requests_without_record", trail_->counters().unrecorded.load());
  if (withheld)
    body.Set(
        "why",
        "the mirror confirms no records now (--ack mirror); /audit/status on the ledger's port says why");
  if (!ready) body.Set("why", ready.error().message);
  return net::MakeResponse(!withheld && (ready || open) ? 200 : 503, "application/json", body.Dump());
}

net::HttpResponse ServerImpl::Models(std::string_view path) const {
  const engine::ModelInfo& info = engine_->model();
  Json model = Json::MakeObject({{"id", info.name},
                                 {"object", "model"},
                                 {"created", start_unix_s_},
                                 {"owned_by", "beleg"},
                                 {"root", info.file},
                                 {"parent", Json()},
                                 {"max_model_len", info.context_tokens},
                                 {"weights_sha256", HexEncode(AsView(info.weights_sha256))}});
  if (path == "/v1/models")
    return net::MakeResponse(
        200, "application/json",
        Json::MakeObject({{"object", "list"}, {"data", Json::MakeArray({model})}}).Dump());
  std::string_view name = path.substr(std::string_view("/v1/models/").size());
  if (name == info.name) return net::MakeResponse(200, "application/json", model.Dump());
  return ErrorResponse(
      {404, record::ErrorType::kModelNotFound, "The model does not exist.", "model", "model_not_found"});
}

net::HttpResponse ServerImpl::Metrics() {
  metrics_->Refresh(engine_->stats());
  metrics_->Refresh(trail_->boot(), trail_->counters());
  return net::MakeResponse(200, "text/plain; version=0.0.4; charset=utf-8", registry_.RenderPrometheus());
}

net::HttpResponse ServerImpl::NotFound(const net::HttpRequest& request) {
  ++trail_->counters().unknown_path;
  bool wrong_method = request.path() == "/v1/chat/completions" || request.path() == "/v1/completions";
  int status = wrong_method ? 405 : 404;
  metrics_->CountHttp("unknown", request.method, status);
  net::HttpResponse response =
      ErrorResponse({status, record::ErrorType::kInvalidRequest,
                     fmt::format("Invalid {} ({} {})", wrong_method ? "method for URL" : "URL",
                                 request.method.substr(0, 16), request.path().substr(0, 200)),
                     "", wrong_method ? "method_not_supported" : "unknown_url"});
  if (wrong_method) response.headers.Add("Allow", "POST");
  return response;
}

void ServerImpl::Stop() {
  if (std::exchange(stopped_, true)) return;
  if (ledger_) ledger_->StopWaitingForRoom();  // the drain would wait for the requests that do
  if (http_) http_->Stop(options_.drain);
  if (ack_) ack_->Stop();
  if (trail_) trail_->Close("signal");
  if (witnessing_) {
    const uint64_t size = ledger_->durable_size();
    const int64_t begun_us = clock_.MonoMicros();
    if (auto covered = ledger_->CheckpointAtLeast(size, kWitnessFarewell)) {
      const std::chrono::milliseconds taken((clock_.MonoMicros() - begun_us) / 1000);
      witnessing_->WaitFor(size, std::max(kWitnessFarewell - taken, std::chrono::milliseconds(0)));
    }
    witnessing_->Stop();
  }
  if (exporter_) {
    if (!exporter_->WaitFor(ledger_->durable_size(), kExporterFarewell))
      LOG_INFO("serve.exporter_behind", F("next", exporter_->next()), F("size", ledger_->durable_size()));
    exporter_->Stop();
  }
  // The mirror has until here to fetch the shutdown record.
  if (ledger_http_) ledger_http_->Stop(kLedgerDrain);
  if (ledger_) ledger_->Close();
}

}  // namespace

Result<std::unique_ptr<Server>> Server::Open(ServerOptions options, std::unique_ptr<engine::Engine> engine) {
  auto server = std::make_unique<ServerImpl>(std::move(options), std::move(engine));
  TRY(server->Open());
  return server;
}

Result<std::unique_ptr<witness::Cosigner>> OpenWitnessKey(const std::string& ledger_dir, Rng& rng) {
  return witness::Cosigner::Open(io::PosixFileSystem(), WitnessDir(ledger_dir) + "/key", "", "beleg-witness-",
                                 rng);
}

}  // namespace beleg::serve
