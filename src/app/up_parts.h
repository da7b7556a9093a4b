// The three children of `up`, each with the arguments that make it find the others. All on 127.0.0.1.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/part.h"
#include "net/reserved_port.h"

namespace beleg::app {

struct UpPorts {
  uint16_t serve = 8000;
  uint16_t ledger = 8001;
  uint16_t collector_grpc = 4317;
  uint16_t collector_http = 4318;
  uint16_t collector_metrics = 8888;
  uint16_t store = 3301;
  uint16_t store_http = 14318;
  uint16_t store_grpc = 14317;
};

struct UpOptions {
  std::string data = "data", model = "demo", served_name, region = "local", environment = "local";
  std::string prompt = "What is a receipt? Answer in one sentence.";
  std::string collector_config;  // "": DATA/collector/config.yaml, made from the default when missing
  std::vector<std::string> api_keys, witnesses;
  // MakeKeys: of the audit host's own log, of serve as its witness, of the store as the mirror of serve's log.
  std::string log_vkey, log_witness_vkey, mirror_vkey;
  std::string ack = "local";  // or mirror
  UpPorts ports;
  std::string engine = "llama";
  bool once = false;
};

// Each part must know ports of others before those run, so a port of 0 becomes one that is free. What is returned keeps it for its
// part, also while that is down: let it live as long as the parts.
Result<std::vector<net::ReservedPort>> ReservePorts(UpPorts& ports);

// DATA and the folders in it, the ledger's token, the collector's configuration.
Result<void> MakeFolders(UpOptions& options);

// The keys that serve and store must know of each other before either runs: those of the audit host's own log, of the witness that
// serve is for it, and of the mirror that the store is for serve's. Made once; later read.
Result<void> MakeKeys(UpOptions& options);

// Its log is mirrored and cosigned by the store: that is what `ledger prune` and --ack=mirror go by.
Part ServePart(const UpOptions& options);
Part CollectorPart(const UpOptions& options);
Part StorePart(const UpOptions& options);

}  // namespace beleg::app
