// beleg up: everything on one machine in one process tree, and a first request to show that it works.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "app/command.h"
#include "app/part.h"
#include "audit/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "io/durable.h"
#include "net/http_client.h"

namespace beleg::app {
namespace {

// Loading and hashing a large model takes its time.
constexpr std::chrono::milliseconds kServeStartLimit{600'000};
constexpr std::chrono::milliseconds kStoreStartLimit{60'000};
constexpr std::chrono::milliseconds kStopLimit{40'000};
constexpr int64_t kWatchMs = 200;

struct UpOptions {
  std::string data = "data", model = "demo", served_name, region = "local", environment, prompt = "What is a receipt? Answer in one sentence.";
  std::vector<std::string> api_keys;
  uint16_t port = 8000, ledger_port = 8001, store_port = 3301, otlp_port = 14318;
  std::string engine = "llama";
  bool once = false;
};

// The folder of --once, gone when the program ends.
class TemporaryFolder {
 public:
  static Result<std::unique_ptr<TemporaryFolder>> Make() {
    std::error_code error;
    std::string pattern = (std::filesystem::temp_directory_path(error) / "beleg-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) return Fail(ErrorCode::kInternal, "{}: cannot make a temporary folder", pattern);
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

std::string Loopback(uint16_t port) { return fmt::format("127.0.0.1:{}", port); }

Part StorePart(const UpOptions& options, const RunFile& serve) {
  std::vector<std::string> arguments = {"store",
                                        "--data", options.data + "/store",
                                        "--mirror-dir", options.data + "/mirror",
                                        "--listen", Loopback(options.store_port),
                                        "--otlp-listen", Loopback(options.otlp_port),
                                        "--ledger", "http://" + Loopback(serve.ledger_port),
                                        "--ledger-token-file", options.data + "/keys/ledger.token"};
  return Part("store", std::move(arguments), options.data + "/run");
}

Part ServePart(const UpOptions& options, uint16_t otlp_port) {
  std::vector<std::string> arguments = {"serve",
                                        "--model", options.model,
                                        "--engine", options.engine,
                                        "--port", std::to_string(options.port),
                                        "--ledger", options.data + "/ledger",
                                        "--ledger-listen", Loopback(options.ledger_port),
                                        "--ledger-token-file", options.data + "/keys/ledger.token",
                                        "--region", options.region};
  auto add = [&arguments](std::string_view flag, const std::string& value) {
    if (!value.empty()) arguments.insert(arguments.end(), {std::string(flag), value});
  };
  add("--served-model-name", options.served_name);
  add("--environment", options.environment);
  for (const std::string& key : options.api_keys) add("--api-key", key);
  if (otlp_port != 0) add("--otlp-traces-endpoint", fmt::format("http://127.0.0.1:{}/v1/traces", otlp_port));
  return Part("serve", std::move(arguments), options.data + "/run");
}

void Step(std::string_view text) {
  fmt::print("{}\n", text);
  std::fflush(stdout);
}

}  // namespace
}  // namespace beleg::app
