// beleg up: everything on one machine in one process tree, and a first request to show that it works.

#include <cstdio>
#include <filesystem>

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/part.h"
#include "audit/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "io/durable.h"
#include "net/http_server.h"

namespace beleg::app {
namespace {

// Loading and hashing a large model takes its time.
constexpr std::chrono::milliseconds kServeStartLimit{600'000};
constexpr std::chrono::milliseconds kStoreStartLimit{60'000};
constexpr std::chrono::milliseconds kStopLimit{40'000};
constexpr int64_t kWatchMs = 200;

struct UpOptions {
  std::string data = "data", model = "demo", served_name, region = "local", environment;
  std::string prompt = "What is a receipt? Answer in one sentence.";
  std::vector<std::string> api_keys;
  uint16_t port = 8000, ledger_port = 8001, store_port = 3301, otlp_port = 14318, otlp_grpc_port = 14317;
  std::string engine = "llama";
  bool once = false;
};

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

// A port that is free now. serve must know the store's before the store runs; nothing holds it until then.
Result<uint16_t> FreePort() {
  net::HttpServerOptions options;
  TRY_ASSIGN(auto server, net::HttpServer::Listen(options, {}));
  return server->port();
}

std::string Loopback(uint16_t port) { return fmt::format("127.0.0.1:{}", port); }

Part StorePart(const UpOptions& options, const RunFile& serve) {
  std::vector<std::string> arguments = {"store",
                                        "--data",
                                        options.data + "/store",
                                        "--mirror-dir",
                                        options.data + "/mirror",
                                        "--listen",
                                        Loopback(options.store_port),
                                        "--otlp-listen",
                                        Loopback(options.otlp_port),
                                        "--otlp-grpc-listen",
                                        Loopback(options.otlp_grpc_port),
                                        "--ledger",
                                        "http://" + Loopback(serve.ledger_port),
                                        "--ledger-token-file",
                                        options.data + "/keys/ledger.token"};
  return Part("store", std::move(arguments), options.data + "/run");
}

Part ServePart(const UpOptions& options) {
  std::vector<std::string> arguments = {"serve",
                                        "--model",
                                        options.model,
                                        "--engine",
                                        options.engine,
                                        "--port",
                                        std::to_string(options.port),
                                        "--ledger",
                                        options.data + "/ledger",
                                        "--ledger-listen",
                                        Loopback(options.ledger_port),
                                        "--ledger-token-file",
                                        options.data + "/keys/ledger.token",
                                        "--region",
                                        options.region};
  auto add = [&arguments](std::string_view flag, const std::string& value) {
    if (!value.empty()) arguments.insert(arguments.end(), {std::string(flag), value});
  };
  add("--served-model-name", options.served_name);
  add("--environment", options.environment);
  for (const std::string& key : options.api_keys) add("--api-key", key);
  add("--otlp-traces-endpoint", fmt::format("http://127.0.0.1:{}/v1/traces", options.otlp_port));
  return Part("serve", std::move(arguments), options.data + "/run");
}

void Step(std::string_view text) {
  fmt::print("{}\n", text);
  std::fflush(stdout);
}

// serve, then store; each is watched once it is ready.
class Tree {
 public:
  static Result<std::unique_ptr<Tree>> Start(UpOptions options);
  ~Tree();

  // The first request, found again as record, spans and proof. True when everything was there.
  bool Show() const;
  void WatchUntilStopSignal();

 private:
  explicit Tree(UpOptions options) : options_(std::move(options)) {}
  Result<void> MakeFolders() const;

  UpOptions options_;
  std::vector<Part>
      parts_;  // in the order of start; stopped in the same: requests end before what keeps them
};

Result<void> Tree::MakeFolders() const {
  io::FileSystem& fs = io::PosixFileSystem();
  TRY(io::MakeFoldersDurably(fs, options_.data, 0700));
  for (std::string_view name : {"/ledger", "/store", "/mirror", "/keys", "/run"})
    TRY(io::MakeFoldersDurably(fs, options_.data + std::string(name), 0700));
  TRY(ReadOrMakeToken(options_.data + "/keys/ledger.token"));
  return {};
}

Result<std::unique_ptr<Tree>> Tree::Start(UpOptions options) {
  std::unique_ptr<Tree> tree(new Tree(std::move(options)));
  UpOptions& settings = tree->options_;
  TRY(tree->MakeFolders());
  if (settings.once) {
    settings.port = settings.ledger_port = settings.store_port = settings.otlp_grpc_port = 0;
    TRY_ASSIGN(settings.otlp_port, FreePort());
  }
  int64_t begin_us = SystemClock().MonoMicros();
  Step(fmt::format("serve: loading {} ...", settings.model));
  tree->parts_.push_back(ServePart(settings));
  TRY(tree->parts_.back().StartAndWait(kServeStartLimit));
  Step(fmt::format("serve: ready after {} ms", (SystemClock().MonoMicros() - begin_us) / 1000));
  tree->parts_.push_back(StorePart(settings, tree->parts_.front().run_file()));
  TRY(tree->parts_.back().StartAndWait(kStoreStartLimit));
  Step("store: ready");
  return tree;
}

Tree::~Tree() {
  for (Part& part : parts_) {
    Step(fmt::format("{}: stopping ...", part.name()));
    part.Stop(kStopLimit);
  }
}

bool Tree::Show() const {
  const RunFile& serve = parts_[0].run_file();
  const RunFile& store = parts_[1].run_file();
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
  fmt::print("records       http://127.0.0.1:{}/api/records\n", store.port);
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

}  // namespace

void AddUp(CLI::App& program, Action& action) {
  auto options = std::make_shared<UpOptions>();  // shared with the action, which runs after parsing
  CLI::App* command =
      program.add_subcommand("up", "Start everything on this machine, with a first request as proof");
  command->add_option("--model", options->model, "GGUF file, or demo")->capture_default_str();
  command->add_option("--served-model-name", options->served_name,
                      "Name in the API; default: from the file's name");
  command->add_option("--data", options->data, "Folder of everything")->capture_default_str();
  command->add_option("--port", options->port, "OpenAI API")->capture_default_str();
  command->add_option("--ledger-port", options->ledger_port, "Ledger")->capture_default_str();
  command->add_option("--store-port", options->store_port, "Store's API")->capture_default_str();
  command->add_option("--otlp-port", options->otlp_port, "Store's OTLP/HTTP receiver")->capture_default_str();
  command->add_option("--api-key", options->api_keys, "SECRET or NAME:SECRET; may be given several times");
  command->add_option("--region", options->region, "deployment.region of records and spans")
      ->capture_default_str();
  command->add_option("--environment", options->environment, "deployment.environment of records and spans");
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
