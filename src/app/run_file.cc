#include "app/run_file.h"

#include <unistd.h>

#include "io/durable.h"
#include "wire/json.h"

namespace beleg::app {

using wire::Json;

Result<void> WriteRunFile(const std::string& path, RunFile file) {
  if (path.empty()) return {};
  Json json = Json::MakeObject({{"pid", static_cast<int64_t>(::getpid())},
                                {"port", static_cast<int64_t>(file.port)},
                                {"ledger_port", static_cast<int64_t>(file.ledger_port)},
                                {"otlp_port", static_cast<int64_t>(file.otlp_port)},
                                {"otlp_grpc_port", static_cast<int64_t>(file.otlp_grpc_port)},
                                {"vkey", file.vkey}});
  return io::WriteFileDurably(io::PosixFileSystem(), path, json.Dump() + "\n");
}

Result<RunFile> ReadRunFile(const std::string& path) {
  TRY_ASSIGN(std::string text, io::ReadFile(io::PosixFileSystem(), path, 1 << 16));
  TRY_ASSIGN(Json json, Json::Parse(text));
  RunFile file;
  auto number = [&json](std::string_view name) {
    const Json* member = json.Find(name);
    return member != nullptr && member->is_int() ? member->as_int() : 0;
  };
  file.pid = number("pid");
  file.port = static_cast<uint16_t>(number("port"));
  file.ledger_port = static_cast<uint16_t>(number("ledger_port"));
  file.otlp_port = static_cast<uint16_t>(number("otlp_port"));
  file.otlp_grpc_port = static_cast<uint16_t>(number("otlp_grpc_port"));
  if (const Json* vkey = json.Find("vkey"); vkey != nullptr && vkey->is_string())
    file.vkey = vkey->as_string();
  return file;
}

}  // namespace beleg::app
