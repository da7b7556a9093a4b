// beleg serve: the OpenAI server with its ledger.

#include <signal.h>
#include <unistd.h>

#include <cstdlib>

#include <CLI/CLI.hpp>

#include "app/build_commit.h"
#include "app/command.h"
#include "app/invocation.h"
#include "app/otlp_target.h"
#include "app/run_file.h"
#include "base/log.h"
#include "engine/llama/llama_engine.h"
#include "engine/replay/replay_engine.h"
#include "net/hand_over.h"
#include "serve/server.h"

namespace beleg::app {
namespace {

// More than any sensible --drain-seconds of a predecessor.
constexpr std::chrono::milliseconds kPredecessorLimit{600'000};

struct ServeOptions {
  std::string model, served_name, engine = "llama";
  std::string host = "127.0.0.1", ledger_listen = "127.0.0.1:8001";
  uint16_t port = 8000;
  std::vector<std::string> api_keys;
  int64_t max_model_len = 0;
  int max_num_seqs = 16, max_waiting = 256, threads = 0, http_threads = 1;
  std::string audit = "closed", ledger_dir = "data/ledger", origin, ledger_token_file;
  std::string otlp_endpoint, semconv = "dup", region, environment, run_file;
  int64_t drain_s = 30, stop_grace_ms = 200, request_timeout_s = 1800;
  uint64_t ledger_free_bytes_min = 64 << 20;
  bool compress_closed_days = true;
  std::vector<std::string> witnesses, witness_logs;
  std::string mirror, ack = "local";
  bool mirror_required = false;
  size_t witness_quorum = 1;
  int64_t ack_timeout_ms = 5000;
  bool insecure_no_auth = false, take_over = false;
  std::string collect_detailed_traces;
  int64_t replay_tokens = 16, replay_delay_us = 0;
};

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// "a=b,c=d" of the OpenTelemetry variables, percent-decoding left out (keys and regions have none).
std::vector<std::pair<std::string, std::string>> Pairs(const std::string& text) {
  std::vector<std::pair<std::string, std::string>> out;
  for (size_t start = 0; start < text.size();) {
    size_t end = std::min(text.find(',', start), text.size());
    std::string item = text.substr(start, end - start);
    if (size_t equals = item.find('='); equals != std::string::npos)
      out.emplace_back(CLI::detail::trim_copy(item.substr(0, equals)),
                       CLI::detail::trim_copy(item.substr(equals + 1)));
    start = end + 1;
  }
  return out;
}

Result<std::unique_ptr<engine::Engine>> OpenEngine(const ServeOptions& options) {
  if (options.engine == "replay") {
    engine::ReplayOptions replay;
    if (!options.served_name.empty()) replay.served_name = options.served_name;
    replay.tokens = options.replay_tokens;
    replay.delay_us = options.replay_delay_us;
    return engine::OpenReplay(replay);
  }
  if (options.model.empty())
    return Fail(ErrorCode::kInvalidArgument, "no model: give a GGUF file, or --model demo");
  TRY(CheckModel(options.model, "beleg"));
  engine::LlamaOptions llama;
  llama.model_path = options.model == "demo" ? BELEG_DEMO_MODEL : options.model;
  llama.served_name = options.served_name;
  llama.threads = options.threads;
  llama.sequences_max = options.max_num_seqs;
  llama.waiting_max = options.max_waiting;
  llama.context_tokens = options.max_model_len;
  auto engine = engine::OpenLlama(std::move(llama));
  if (!engine && engine.error().code == ErrorCode::kResourceExhausted)
    return Fail(engine.error(), "--max-num-seqs {} or --max-model-len is too large", options.max_num_seqs);
  return engine;
}

record::Semconv SemconvOf(const std::string& name) {
  return name == "latest"   ? record::Semconv::kLatest
         : name == "legacy" ? record::Semconv::kLegacy
                            : record::Semconv::kDup;
}

void FillFromEnvironment(serve::ServerOptions& server) {
  if (std::string name = Environment("OTEL_SERVICE_NAME"); !name.empty()) server.service_name = name;
  for (auto& [key, value] : Pairs(Environment("OTEL_RESOURCE_ATTRIBUTES"))) {
    if (key == "deployment.region" && server.region.empty()) server.region = value;
    if ((key == "deployment.environment" || key == "deployment.environment.name") &&
        server.environment.empty())
      server.environment = value;
  }
  std::string headers = Environment("OTEL_EXPORTER_OTLP_TRACES_HEADERS");
  if (headers.empty()) headers = Environment("OTEL_EXPORTER_OTLP_HEADERS");
  for (auto& [key, value] : Pairs(headers)) server.otlp_headers.Add(key, value);
}

// What the config record says: every setting that changes answers or records, and no secret.
std::map<std::string, std::string> Settings(const ServeOptions& options, const serve::ServerOptions& server) {
  return {{"audit", options.audit},
          {"engine", options.engine},
          {"listen", fmt::format("{}:{}", options.host, options.port)},
          {"ledger_bundles", options.compress_closed_days ? "compressed" : "plain"},
          {"ledger_listen", options.ledger_listen},
          {"api_keys", std::to_string(options.api_keys.size())},
          {"ledger_token", server.ledger_token.empty() ? "none" : "set"},
          {"insecure_no_auth", options.insecure_no_auth ? "true" : "false"},
          {"max_model_len", std::to_string(options.max_model_len)},
          {"max_num_seqs", std::to_string(options.max_num_seqs)},
          {"max_waiting", std::to_string(options.max_waiting)},
          {"otlp_traces", server.otlp_endpoint.empty() ? "off" : "on"},
          {"semconv", options.semconv},
          {"ack", options.ack},
          {"witnesses", std::to_string(options.witnesses.size() + (options.mirror.empty() ? 0 : 1))}};
}

Result<void> FillWitnesses(const ServeOptions& options, serve::ServerOptions& server) {
  for (const std::string& text : options.witnesses) {
    auto address = witness::ParseWitnessAddress(text);
    if (!address) return Fail(address.error(), "--witness");
    server.witnesses.push_back(*std::move(address));
  }
  if (!options.mirror.empty()) {
    auto address = witness::ParseWitnessAddress(options.mirror);
    if (!address) return Fail(address.error(), "--mirror");
    server.mirror = *std::move(address);
  }
  server.mirror_required = options.mirror_required;
  if (options.mirror_required && !server.mirror)
    return Fail(ErrorCode::kInvalidArgument, "--mirror-required: needs --mirror URL=VKEY");
  for (const std::string& vkey : options.witness_logs)
    if (auto added = server.witnessed_logs.Add(vkey); !added) return Fail(added.error(), "--witness-log");
  server.witness_quorum = options.witness_quorum;
  if (options.ack == "local") return {};
  if (!server.mirror) return Fail(ErrorCode::kInvalidArgument, "--ack mirror: needs --mirror URL=VKEY");
  server.mirror_ack = std::chrono::milliseconds(options.ack_timeout_ms);
  return {};
}

Result<serve::ServerOptions> MakeServerOptions(const ServeOptions& options) {
  serve::ServerOptions server;
  server.listen = {options.host, options.port};
  TRY_ASSIGN(server.ledger_listen, net::ParseEndpoint(options.ledger_listen));
  if (!options.ledger_token_file.empty()) {
    TRY_ASSIGN(server.ledger_token, ReadOrMakeToken(options.ledger_token_file));
  }
  server.api_keys = options.api_keys;
  if (std::string key = Environment("VLLM_API_KEY"); server.api_keys.empty() && !key.empty())
    server.api_keys = {key};
  TRY(CheckBind(options.host, !server.api_keys.empty(), options.insecure_no_auth, "the API"));
  TRY(CheckBind(server.ledger_listen.host, !server.ledger_token.empty(), options.insecure_no_auth,
                "the ledger"));
  server.threads = static_cast<size_t>(options.http_threads);
  server.audit = options.audit == "closed" ? serve::AuditMode::kClosed
                 : options.audit == "open" ? serve::AuditMode::kOpen
                                           : serve::AuditMode::kOff;
  server.request_time_max = std::chrono::seconds(options.request_timeout_s);
  server.ledger_dir = options.ledger_dir;
  server.origin = options.origin;
  server.ledger_free_bytes_min = options.ledger_free_bytes_min;
  server.ledger_compress_closed_days = options.compress_closed_days;
  server.semconv = SemconvOf(options.semconv);
  server.region = options.region;
  server.environment = options.environment;
  server.version = BELEG_VERSION;
  server.build = BuildCommit();
  server.drain = std::chrono::seconds(options.drain_s);
  server.stop_grace = std::chrono::milliseconds(options.stop_grace_ms);
  TRY(FillWitnesses(options, server));
  TRY_ASSIGN(OtlpTarget target, ResolveOtlpTarget(options.otlp_endpoint, Environment));
  server.otlp_protocol = target.protocol;
  server.otlp_endpoint = std::move(target.endpoint);
  FillFromEnvironment(server);
  server.settings = Settings(options, server);
  return server;
}

std::string HandOverPath(const ServeOptions& options) { return options.ledger_dir + "/hand_over.sock"; }

// Lets the server that runs on this ledger drain and end, and keeps its sockets. Nobody there: nothing to take over.
Result<void> TakeOver(const ServeOptions& options, serve::ServerOptions& server) {
  Result<net::HandedOver> taken = net::TakeOver(HandOverPath(options), 2);
  if (!taken && taken.error().code == ErrorCode::kNotFound) return {};
  if (!taken) return std::unexpected(taken.error());
  LOG_INFO("serve.taking_over", F("from", HandOverPath(options)));
  // The other drains for as long as it was told to, then closes its log.
  TRY(taken->WaitUntilReleased(kPredecessorLimit));
  server.listen_socket = taken->sockets()[0].Release();
  server.ledger_listen_socket = taken->sockets()[1].Release();
  return {};
}

// A successor's wish to take over ends this process as SIGTERM does.
Result<std::unique_ptr<net::HandOverPoint>> OfferHandOver(const ServeOptions& options,
                                                          const serve::Server& server) {
  if (server.listen_sockets().empty()) return nullptr;
  return net::HandOverPoint::Open(HandOverPath(options), server.listen_sockets(),
                                  [] { ::kill(::getpid(), SIGTERM); });
}

Result<void> Serve(const ServeOptions& options) {
  BlockStopSignals();
  TRY_ASSIGN(serve::ServerOptions server_options, MakeServerOptions(options));
  TRY_ASSIGN(std::unique_ptr<engine::Engine> engine, OpenEngine(options));
  if (options.take_over) TRY(TakeOver(options, server_options));
  std::unique_ptr<net::HandOverPoint> hand_over;  // let go last, when the lock on the log is
  TRY_ASSIGN(std::unique_ptr<serve::Server> server,
             serve::Server::Open(std::move(server_options), std::move(engine)));
  TRY_ASSIGN(hand_over, OfferHandOver(options, *server));
  TRY(WriteRunFile(options.run_file,
                   {.port = server->port(), .ledger_port = server->ledger_port(), .vkey = server->vkey()}));
  LOG_INFO("serve.ready", F("port", server->port()), F("ledger_port", server->ledger_port()),
           F("audit", options.audit));
  if (options.audit != "closed")
    LOG_WARN("serve.audit_is_not_closed", F("audit", options.audit),
             F("means", "requests may be answered that leave no record"));
  int signal = WaitForStopSignal();
  LOG_INFO("serve.stopping", F("signal", signal));
  server->Stop();
  return {};
}

// How much runs at once.
void AddSizeOptions(CLI::App& command, ServeOptions& options) {
  command
      .add_option("--max-model-len", options.max_model_len,
                  "Context of one request in tokens; 0: the model's")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 30));
  command.add_option("--max-num-seqs", options.max_num_seqs, "Sequences computed at once")
      ->check(CLI::Range(1, 256))  // llama.cpp's limit
      ->capture_default_str();
  command.add_option("--max-waiting", options.max_waiting, "Requests that may wait; more get 429")
      ->check(CLI::Range(0, 100'000))
      ->capture_default_str();
  command.add_option("--threads", options.threads, "Threads of the engine; 0: all cores")
      ->check(CLI::Range(0, 512));  // ggml's limit
  command.add_option("--http-threads", options.http_threads, "Event loops of the API")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
}

// The log, and which requests may run as far as it goes.
void AddAuditOptions(CLI::App& command, ServeOptions& options) {
  command
      .add_option("--audit", options.audit,
                  "closed: no record, no answer; open: answers without a record while the log takes none, "
                  "and says so; off: no records, for benches only")
      ->check(CLI::IsMember({"closed", "open", "off"}))
      ->capture_default_str();
  command
      .add_option("--request-timeout-seconds", options.request_timeout_s,
                  "How long a request may run; begin receipts promise a record a minute later")
      ->check(CLI::Range(int64_t{1}, int64_t{7} * 86'400))
      ->capture_default_str();
  command.add_option("--ledger", options.ledger_dir, "Folder of the log")->capture_default_str();
  command.add_option("--origin", options.origin, "Name of the log, at its making; default: random");
  command
      .add_option("--ledger-free-bytes-min", options.ledger_free_bytes_min,
                  "Refuse requests when the disk has less room")
      ->capture_default_str();
  command.add_flag("!--keep-bundles-plain", options.compress_closed_days,
                   "Do not compress the log's entry bundles when their day is over: for programs of others "
                   "that read the folder itself");
  command.add_option("--ledger-listen", options.ledger_listen, "Where mirrors read the log")
      ->capture_default_str();
  command.add_option("--ledger-token-file", options.ledger_token_file,
                     "File (0600) with the bearer token for it");
}

void AddWitnessOptions(CLI::App& command, const std::shared_ptr<ServeOptions>& options) {
  command.add_option(
      "--witness", options->witnesses,
      "URL=VKEY of a witness (C2SP tlog-witness) that cosigns our checkpoints; may be given several times");
  command.add_option("--mirror", options->mirror,
                     "URL=VKEY of the store that mirrors and cosigns, e.g. http://HOST:3301/mirror=…");
  command.add_flag("--mirror-required", options->mirror_required,
                   "Do not start when the mirror cannot be asked whether this log is an old copy");
  command
      .add_option("--witness-quorum", options->witness_quorum,
                  "Cosignatures that /audit/checkpoint has at least")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  command.add_option(
      "--witness-log", options->witness_logs,
      "Verifier key of another host's log to cosign on the ledger port, /witness/add-checkpoint");
  command
      .add_option("--ack", options->ack,
                  "local: an answer waits for this host's disk; mirror: also for the mirror's")
      ->check(CLI::IsMember({"local", "mirror"}))
      ->capture_default_str();
  command
      .add_option("--ack-timeout-ms", options->ack_timeout_ms,
                  "After that an answer that waits for the mirror is withheld (503)")
      ->check(CLI::Range(1, 3'600'000))
      ->capture_default_str();
}

}  // namespace

void AddServe(CLI::App& program, Action& action) {
  auto options = std::make_shared<ServeOptions>();  // shared with the action, which runs after parsing
  CLI::App* command =
      program.add_subcommand("serve", "Serve a model behind the OpenAI API, every request on record");
  command->add_option("model_tag,--model", options->model, "GGUF file, or demo");
  command->add_option("--served-model-name", options->served_name,
                      "Name in the API; default: from the file's name");
  command->add_option("--host", options->host, "Address of the API")->capture_default_str();
  command->add_option("--port", options->port, "Port of the API; 0: any free one")->capture_default_str();
  command->add_option("--api-key", options->api_keys, "SECRET or NAME:SECRET; may be given several times");
  AddSizeOptions(*command, *options);
  AddAuditOptions(*command, *options);
  AddWitnessOptions(*command, options);
  command->add_option("--otlp-traces-endpoint", options->otlp_endpoint,
                      "Send spans there: http://HOST:4317 by gRPC, http://HOST:4318/v1/traces by HTTP");
  command->add_option("--collect-detailed-traces", options->collect_detailed_traces,
                      "Accepted for vLLM's sake: they always are");
  command->add_option("--semconv", options->semconv, "Attribute names of spans")
      ->check(CLI::IsMember({"dup", "latest", "legacy"}))
      ->capture_default_str();
  command->add_option("--region", options->region, "deployment.region of records and spans");
  command->add_option("--environment", options->environment, "deployment.environment of records and spans");
  command->add_option("--drain-seconds", options->drain_s, "How long running requests may end at a stop")
      ->check(CLI::Range(0, 604'800))
      ->capture_default_str();
  command
      ->add_option("--stop-grace-ms", options->stop_grace_ms,
                   "How long a stop keeps connections without a request: one may be on its way")
      ->check(CLI::Range(0, 600'000))
      ->capture_default_str();
  command->add_flag(
      "--take-over", options->take_over,
      "Replace the server that runs on this ledger: load the model, take its ports, wait until it "
      "has drained; no client is refused");
  command->add_flag("--insecure-no-auth", options->insecure_no_auth,
                    "Allow wider than loopback without keys");
  command->add_option("--run-file", options->run_file, "Write pid and ports there when ready");
  command->add_option("--engine", options->engine, "llama, or replay for tests")
      ->check(CLI::IsMember({"llama", "replay"}))
      ->capture_default_str();
  command->add_option("--replay-tokens", options->replay_tokens, "Tokens of the replay engine's answers")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--replay-delay-us", options->replay_delay_us, "Its pause between tokens")
      ->check(CLI::NonNegativeNumber);
  command->callback([options, &action] {
    action = [options] {
      Result<void> done = Serve(*options);
      return done ? kExitOk : Complain("serve", done.error());
    };
  });
}

}  // namespace beleg::app
