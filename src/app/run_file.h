// DATA/run/NAME.json: what a running part says about itself once it is ready, for `up` and for tests.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace beleg::app {

struct RunFile {
  int64_t pid = 0;
  uint16_t port = 0;            // of its API; the collector's: its own metrics
  uint16_t ledger_port = 0;     // serve
  uint16_t otlp_port = 0;       // collector, store: OTLP/HTTP
  uint16_t otlp_grpc_port = 0;  // collector, store: OTLP/gRPC
  std::string vkey;             // serve: the log's; store and witness: the cosigner's
};

// Does nothing when path is "".
Result<void> WriteRunFile(const std::string& path, RunFile file);
Result<RunFile> ReadRunFile(const std::string& path);

}  // namespace beleg::app
