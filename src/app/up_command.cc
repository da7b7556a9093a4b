// beleg up: everything on one machine in one process tree, and a first request to show that it works.

#include <array>
#include <cstdio>
#include <filesystem>

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/up_parts.h"
#include "audit/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/http_client.h"
#include "wire/json.h"

namespace beleg::app {
namespace {

// Loading and hashing a large model takes its time.
constexpr std::chrono::milliseconds kServeStartLimit{600'000};
constexpr std::chrono::milliseconds kStartLimit{60'000};
constexpr std::chrono::milliseconds kStopLimit{60'000};  // more than serve's drain and farewells together
constexpr int64_t kWatchMs = 200;
// Places in Tree::parts_, in the order of starts: serve asks the store, which mirrors its log, whether that is an old copy.
constexpr size_t kStore = 0, kServe = 1, kCollector = 2;
// So that what one still gives finds the next.
constexpr std::array kStopOrder = {kServe, kCollector, kStore};

// The folder of --once, gone when the program ends.
class TemporaryFolder {
 public:
  static Result<std::unique_ptr<TemporaryFolder>> Make() {
    std::error_code error;
    std::string pattern = (std::filesystem::temp_directory_path(error) / "beleg-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      return Fail(ErrorCode::kInternal, "{}: cannot make a temporary folder", pattern);
    return std::unique_ptr<TemporaryFolder>(new TemporaryFolder(pattern));
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  const std::string path_;
};

void Step(std::string_view text) {
  fmt::print("{}\n", text);
  std::fflush(stdout);
}

// Whether somebody else would notice a rewritten log.
std::string WitnessLine(uint16_t serve_port) {
  constexpr std::string_view kNone =
      "no independent witness: who owns this host can rewrite the log unseen. Run beleg witness on another "
      "host, and here "
      "--witness URL=VKEY";
  auto client = net::HttpClient::Open(fmt::format("http://127.0.0.1:{}/health", serve_port));
  if (!client) return std::string(kNone);
  auto response = (*client)->Get("/health");
  if (!response) return std::string(kNone);
  auto health = wire::Json::Parse(response->body);
  const wire::Json* seen = health ? health->Find("independent_witness") : nullptr;
  return std::string(seen != nullptr && seen->is_int() ? "cosigned by an independent witness" : kNone);
}

class Tree {
 public:
  static Result<std::unique_ptr<Tree>> Start(UpOptions options);
  ~Tree();

  // The first request, found again as record, spans and proof. True when everything was there.
  bool Show() const;
  void WatchUntilStopSignal();

 private:
  explicit Tree(UpOptions options) : options_(std::move(options)) {}
  Result<void> StartPart(Part part, std::chrono::milliseconds limit);
  const RunFile& run_file(size_t part) const { return parts_[part].run_file(); }

  UpOptions options_;
  std::vector<net::ReservedPort> reserved_ports_;
  std::vector<Part> parts_;
};

Result<std::unique_ptr<Tree>> Tree::Start(UpOptions options) {
  std::unique_ptr<Tree> tree(new Tree(std::move(options)));
  UpOptions& settings = tree->options_;
  if (settings.once) settings.ports = {0, 0, 0, 0, 0, 0, 0, 0};
  TRY_ASSIGN(tree->reserved_ports_, ReservePorts(settings.ports));
  TRY(MakeFolders(settings));
  TRY(MakeKeys(settings));
  TRY(tree->StartPart(StorePart(settings), kStartLimit));
  Step(fmt::format("serve: loading {} ...", settings.model));
  TRY(tree->StartPart(ServePart(settings), kServeStartLimit));
  TRY(tree->StartPart(CollectorPart(settings), kStartLimit));
  uint16_t listens = tree->run_file(kCollector).otlp_port;
  if (listens != settings.ports.collector_http)
    LOG_WARN("up.spans_go_elsewhere", F("serve_sends_to", settings.ports.collector_http),
             F("collector_listens_on", listens), F("mend_by", "--collector-http-port"));
  return tree;
}

Result<void> Tree::StartPart(Part part, std::chrono::milliseconds limit) {
  int64_t begin_us = SystemClock().MonoMicros();
  parts_.push_back(std::move(part));
  TRY(parts_.back().StartAndWait(limit));
  Step(fmt::format("{}: ready after {} ms", parts_.back().name(),
                   (SystemClock().MonoMicros() - begin_us) / 1000));
  return {};
}

Tree::~Tree() {
  for (const size_t place : kStopOrder) {
    if (place >= parts_.size()) continue;  // a start that failed
    Step(fmt::format("{}: stopping ...", parts_[place].name()));
    parts_[place].Stop(kStopLimit);
  }
}

bool Tree::Show() const {
  const RunFile& serve = run_file(kServe);
  const RunFile& store = run_file(kStore);
  audit::CheckOptions check;
  check.completion.base_url = fmt::format("http://127.0.0.1:{}/v1", serve.port);
  check.completion.prompt = options_.prompt;
  if (!options_.api_keys.empty()) {
    const std::string& key = options_.api_keys.front();
    check.completion.api_key = key.substr(key.find(':') + 1);
  }
  check.store_url = fmt::format("http://127.0.0.1:{}", store.port);
  check.vkey = serve.vkey;
  Step("first request:");
  audit::CheckReport report = audit::Check(check);
  Step(audit::RenderText(check, report));
  fmt::print("OpenAI API    http://127.0.0.1:{}/v1\n", serve.port);
  fmt::print("metrics       http://127.0.0.1:{}/metrics\n", serve.port);
  fmt::print("collector     gRPC 127.0.0.1:{}   http://127.0.0.1:{}   {}\n",
             run_file(kCollector).otlp_grpc_port, run_file(kCollector).otlp_port, options_.collector_config);
  fmt::print("page          http://127.0.0.1:{}/\n", store.port);
  fmt::print("records       http://127.0.0.1:{}/api/records\n", store.port);
  fmt::print("witness       {}\n", WitnessLine(serve.port));
  fmt::print("ledger        http://127.0.0.1:{}/checkpoint   key {}\n", serve.ledger_port, serve.vkey);
  fmt::print("data          {}   logs in {}/run\n", options_.data, options_.data);
  std::fflush(stdout);
  return report.verdict == audit::CheckVerdict::kOk;
}

void Tree::WatchUntilStopSignal() {
  while (WaitForStopSignal(kWatchMs) == 0)
    for (Part& part : parts_) part.Watch();
}

Result<int> Up(UpOptions options) {
  BlockStopSignals();
  std::unique_ptr<TemporaryFolder> temporary;
  if (options.once) {
    TRY_ASSIGN(temporary, TemporaryFolder::Make());
    options.data = temporary->path();
  }
  TRY_ASSIGN(std::unique_ptr<Tree> tree, Tree::Start(options));
  bool all_there = tree->Show();
  if (options.once) return all_there ? kExitOk : kExitFinding;
  Step(all_there ? "Running. Ctrl-C stops everything."
                 : "Running, but the first request did not leave all that it should.");
  tree->WatchUntilStopSignal();
  return kExitOk;
}

void AddPorts(CLI::App& command, UpPorts& ports) {
  auto add = [&command](const char* flag, uint16_t& port, const char* help) {
    command.add_option(flag, port, help)->capture_default_str();
  };
  add("--port", ports.serve, "OpenAI API; of this and all ports, 0 is any free one");
  add("--ledger-port", ports.ledger, "Ledger");
  add("--collector-grpc-port", ports.collector_grpc, "Collector's OTLP/gRPC receiver");
  add("--collector-http-port", ports.collector_http, "Collector's OTLP/HTTP receiver");
  add("--collector-metrics-port", ports.collector_metrics, "Collector's own metrics");
  add("--store-port", ports.store, "Store's API");
  add("--store-grpc-port", ports.store_grpc, "Store's OTLP/gRPC receiver");
  add("--otlp-port", ports.store_http, "Store's OTLP/HTTP receiver");
}

}  // namespace

void AddUp(CLI::App& program, Action& action) {
  auto options = std::make_shared<UpOptions>();  // shared with the action, which runs after parsing
  CLI::App* command =
      program.add_subcommand("up", "Start everything on this machine, with a first request as proof");
  command->add_option("--model", options->model, "GGUF file, or demo")->capture_default_str();
  command->add_option("--served-model-name", options->served_name,
                      "Name in the API; default: from the file's name");
  command->add_option("--data", options->data, "Folder of everything")->capture_default_str();
  AddPorts(*command, options->ports);
  command->add_option("--collector-config", options->collector_config,
                      "Collector's configuration; default: DATA/collector/config.yaml, written when missing");
  command->add_option("--api-key", options->api_keys, "SECRET or NAME:SECRET; may be given several times");
  // The collector's configuration would have no value to set.
  auto not_empty = [](const std::string& text) {
    return std::string(text.empty() ? "must not be empty" : "");
  };
  command->add_option("--witness", options->witnesses,
                      "URL=VKEY of a witness on another host; may be given several times");
  command
      ->add_option("--ack", options->ack,
                   "local: an answer waits for serve's log on disk; mirror: also for the store's copy of it. "
                   "Both are on "
                   "this host: to try it")
      ->check(CLI::IsMember({"local", "mirror"}))
      ->capture_default_str();
  command->add_option("--region", options->region, "deployment.region of records and spans")
      ->check(not_empty)
      ->capture_default_str();
  command->add_option("--environment", options->environment, "deployment.environment of records and spans")
      ->check(not_empty)
      ->capture_default_str();
  command->add_option("--prompt", options->prompt, "What the first request asks")->capture_default_str();
  command->add_option("--engine", options->engine, "llama, or replay for tests")
      ->check(CLI::IsMember({"llama", "replay"}))
      ->capture_default_str();
  command->add_flag(
      "--once", options->once,
      "Free ports, a temporary folder, one request, stop; exit code 0 only if answer, record, span and "
      "proof were all there");
  command->callback([options, &action] {
    action = [options] {
      Result<int> code = Up(*options);
      return code ? *code : Complain("up", code.error());
    };
  });
}

}  // namespace beleg::app
