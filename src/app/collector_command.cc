// beleg collector: an OpenTelemetry Collector.

#include <algorithm>
#include <cstdio>

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "app/run_file.h"
#include "base/log.h"
#include "collector/collector.h"
#include "collector/components.h"
#include "io/file.h"

namespace beleg::app {
namespace {

constexpr size_t kConfigBytesMax = 4 << 20;
constexpr int kExitInvalid = 1;  // what the Collector exits with

struct CollectorCommandOptions {
  std::string config, mode = "redacted", run_file;
  int64_t drain_s = 10;
};

// Reads and checks a file; tells all problems on stderr.
std::optional<collector::Config> Load(std::string path) {
  if (path.starts_with("file:")) path.erase(0, 5);
  Result<std::string> text = io::ReadFile(io::PosixFileSystem(), path, kConfigBytesMax);
  if (!text) {
    fmt::print(stderr, "Error: {}\n", text.error().message);
    return std::nullopt;
  }
  collector::Problems problems;
  auto config = collector::LoadConfig(*text, path, collector::ProcessEnvironment(), problems);
  fmt::print(stderr, "{}", problems.Format(path));
  return config;
}

// Of the first receiver that speaks it; 0: none does.
uint16_t PortOf(const collector::Collector& running, std::string_view protocol) {
  const auto& all = running.listeners();
  auto found = std::ranges::find(all, protocol, &collector::Listener::protocol);
  return found == all.end() ? 0 : found->port;
}

Result<void> Run(const CollectorCommandOptions& options, collector::Config config) {
  BlockStopSignals();
  TRY_ASSIGN(auto running, collector::Collector::Start(std::move(config), {}));
  RunFile ready;
  ready.port = running->metrics_port();
  ready.otlp_port = PortOf(*running, "http");
  ready.otlp_grpc_port = PortOf(*running, "grpc");
  TRY(WriteRunFile(options.run_file, ready));
  LOG_INFO("collector.ready", F("metrics_port", running->metrics_port()));
  int signal = WaitForStopSignal();
  LOG_INFO("collector.stopping", F("signal", signal));
  running->Stop(std::chrono::seconds(options.drain_s));
  return {};
}

int RunCommand(const CollectorCommandOptions& options) {
  if (options.config.empty()) {
    fmt::print(stderr, "Error: at least one config flag must be provided\n");
    return kExitInvalid;
  }
  auto config = Load(options.config);
  if (!config) return kExitInvalid;
  Result<void> done = Run(options, std::move(*config));
  if (done) return kExitOk;
  Complain("collector", done.error());
  return kExitInvalid;
}

int Validate(const CollectorCommandOptions& options) {
  if (options.config.empty()) {
    fmt::print(stderr, "Error: at least one config flag must be provided\n");
    return kExitInvalid;
  }
  if (!Load(options.config)) return kExitInvalid;
  fmt::print("{}: valid\n", options.config);
  return kExitOk;
}

// Whatever may be a secret, by its name: headers, and what calls itself one.
void Redact(wire::Yaml& node, bool secret) {
  if (secret && node.is_scalar()) node.text = "[REDACTED]", node.quoted = true;
  for (wire::Yaml& item : node.items) Redact(item, secret);
  for (wire::YamlMember& member : node.members) {
    bool hidden = member.key == "headers";
    for (std::string_view word : {"token", "secret", "password", "api_key"})
      hidden = hidden || member.key.find(word) != std::string::npos;
    Redact(member.value, secret || hidden);
  }
}

int PrintConfig(const CollectorCommandOptions& options) {
  auto config = Load(options.config);
  if (!config) return kExitInvalid;
  if (options.mode == "redacted") Redact(config->tree, false);
  fmt::print("{}", config->tree.Dump());
  return kExitOk;
}

}  // namespace

void AddCollector(CLI::App& program, Action& action) {
  auto options =
      std::make_shared<CollectorCommandOptions>();  // shared with the actions, which run after parsing
  CLI::App* command =
      program.add_subcommand("collector", "Take telemetry in and send it on: an OpenTelemetry Collector");
  command->add_option("--config", options->config, "Configuration file (YAML)");
  command->add_option("--drain", options->drain_s, "Seconds for sending what is inside when stopped")
      ->capture_default_str();
  command->add_option("--run-file", options->run_file, "Write pid and ports there when ready");
  command->require_subcommand(0, 1);
  command->fallthrough(false);

  auto add = [&](const char* name, const char* help, auto run) {
    CLI::App* sub = command->add_subcommand(name, help);
    sub->callback([options, &action, run] { action = [options, run] { return run(*options); }; });
    return sub;
  };
  CLI::App* validate = add("validate", "Check a configuration; exit 0 or 1", Validate);
  CLI::App* print = add("print-config", "The configuration after expansion", PrintConfig);
  for (CLI::App* sub : {validate, print})
    sub->add_option("--config", options->config, "Configuration file (YAML)");
  print->add_option("--mode", options->mode, "redacted or unredacted")
      ->check(CLI::IsMember({"redacted", "unredacted"}));
  add("components", "What there is", [](const CollectorCommandOptions&) {
    fmt::print("{}", collector::DescribeComponents());
    return static_cast<int>(kExitOk);
  });
  add("settings", "Every setting of every component, as in docs/collector.md",
      [](const CollectorCommandOptions&) {
        fmt::print("{}", collector::DescribeSettings());
        return static_cast<int>(kExitOk);
      });
  command->callback([command, options, &action] {
    if (command->get_subcommands().empty()) action = [options] { return RunCommand(*options); };
  });
}

}  // namespace beleg::app
