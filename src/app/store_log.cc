#include "app/store_log.h"

#include "app/build_commit.h"
#include "base/log.h"

namespace beleg::app {
namespace {

constexpr std::string_view kPrefix = "/audit-log/";
constexpr std::chrono::milliseconds kWitnessFarewell{2'000};

}  // namespace

Result<std::unique_ptr<StoreLog>> StoreLog::Open(const StoreLogOptions& options) {
  std::unique_ptr<StoreLog> store_log(new StoreLog());
  hostlog::HostLogOptions log;
  log.dir = options.dir;
  log.version = BELEG_VERSION;
  log.build = BuildCommit();
  log.settings = options.settings;
  log.compress_closed_days = options.compress_closed_days;
  log.metrics = options.metrics;
  log.before_boot = [&](ledger::Ledger& ledger) { return store_log->OpenWitnessing(options, ledger); };
  TRY_ASSIGN(store_log->log_, hostlog::HostLog::Open(std::move(log)));
  ledger::Ledger& ledger = store_log->log_->ledger();
  store_log->witnessing_->Start();
  store_log->api_ = std::make_unique<serve::LedgerApi>(ledger, *store_log->cosigned_, *store_log->witnessing_,
                                                       options.api_key);
  LOG_INFO("store.own_log", F("vkey", ledger.vkey()), F("path", kPrefix));
  return store_log;
}

// Before the log grows: one that was restored from an old copy must not.
Result<void> StoreLog::OpenWitnessing(const StoreLogOptions& options, ledger::Ledger& ledger) {
  TRY_ASSIGN(cosigned_, serve::CosignedCheckpoints::Open({.dir = options.dir + "/cosigned"}));
  serve::WitnessingOptions witnessing;
  for (const std::string& text : options.witnesses) {
    auto address = witness::ParseWitnessAddress(text);
    if (!address) return Fail(std::move(address.error()), "--log-witness");
    witnessing.witnesses.push_back(std::move(*address));
  }
  witnessing.metrics = options.metrics;
  TRY_ASSIGN(witnessing_, serve::Witnessing::Open(std::move(witnessing), ledger, *cosigned_));
  return {};
}

bool StoreLog::Serves(const net::HttpRequest& request) const { return request.path().starts_with(kPrefix); }

net::HttpResponse StoreLog::Handle(net::HttpRequest request) const {
  request.target.erase(0, kPrefix.size() - 1);
  return api_->Handle(request);
}

void StoreLog::Close() {
  log_->WriteLast();
  ledger::Ledger& ledger = log_->ledger();
  const uint64_t size = ledger.durable_size();
  if (ledger.CheckpointAtLeast(size, kWitnessFarewell)) witnessing_->WaitFor(size, kWitnessFarewell);
  witnessing_->Stop();
  log_->Close();
}

}  // namespace beleg::app
