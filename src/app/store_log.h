// The audit host's own log under `beleg store`: opened, shown to witnesses, served beside the store's API.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hostlog/host_log.h"
#include "serve/ledger_api.h"

namespace beleg::app {

struct StoreLogOptions {
  std::string dir;
  std::string api_key;                 // of the store's API; "": none
  std::vector<std::string> witnesses;  // "URL=VKEY"
  std::map<std::string, std::string> settings;
  bool compress_closed_days = false;
  MetricRegistry* metrics = nullptr;
};

class StoreLog {
 public:
  static Result<std::unique_ptr<StoreLog>> Open(const StoreLogOptions& options);

  record::AuditLog& log() { return *log_; }

  // C2SP tlog-tiles and /audit/… below /audit-log/, with the API's key.
  bool Serves(const net::HttpRequest& request) const;
  // Blocking; run it on a pool. Threads: any.
  net::HttpResponse Handle(net::HttpRequest request) const;

  // The last records, a checkpoint of them, and its cosignatures if witnesses answer soon.
  void Close();

 private:
  StoreLog() = default;
  Result<void> OpenWitnessing(const StoreLogOptions& options, ledger::Ledger& ledger);

  std::unique_ptr<hostlog::HostLog> log_;
  std::unique_ptr<serve::CosignedCheckpoints> cosigned_;
  std::unique_ptr<serve::Witnessing> witnessing_;
  std::unique_ptr<serve::LedgerApi> api_;
};

}  // namespace beleg::app
