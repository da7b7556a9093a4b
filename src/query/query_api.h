// The store's HTTP API: OTLP in, spans, records and proofs out, and the page (query/page.h). Routes, parameters and answers: docs/api/store.md.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "net/grpc_server.h"
#include "net/http.h"
#include "record/audit_sink.h"
#include "store/holds.h"
#include "store/manifest_watch.h"
#include "store/mirror_api.h"
#include "store/store.h"

namespace beleg::query {

struct QueryApiOptions {
  std::string api_key{};             // "": none asked (loopback)
  size_t body_bytes_max = 64 << 20;  // of an OTLP request, packed and unpacked
  std::chrono::milliseconds visible_wait{
      3000};                         // how long reads wait for records that ended before the query came
  store::Holds* holds = nullptr;     // nullptr: none can be set, since nothing would be on record
  record::AuditSink* log = nullptr;  // where reads and reconciliations go on record; nullptr: nowhere
  MetricRegistry* metrics = nullptr;
  const Clock* clock = nullptr;  // nullptr: the host's
  std::string cosigner_vkey{};   // of the mirrors; "": they do not cosign
  const store::ManifestWatch* manifest =
      nullptr;  // nullptr: none, so only what is wrong with mirrored logs is a finding
};

class QueryApi {
 public:
  // Store and mirrors outlive it.
  QueryApi(QueryApiOptions options, store::Store& store, std::vector<store::Mirror*> mirrors);

  // Blocking; run it on a pool. Answers every path (404 in JSON for unknown ones). Threads: any.
  net::HttpResponse Handle(const net::HttpRequest& request);  // port 3301
  net::HttpResponse HandleOtlp(net::HttpRequest request);     // port 14318: /v1/traces, /v1/metrics
  net::GrpcReply HandleOtlpGrpc(net::GrpcCall call);          // port 14317: Export of both

 private:
  class Sink;

  bool IsAllowed(const net::HttpHeaders& headers) const;
  // Puts on record that somebody looks at what the path gives, if it gives records or spans.
  void CountRead(std::string_view path);
  // Waits until every record that was finished before now is in the store, at most visible_wait.
  void WaitVisible();
  store::Mirror* MirrorOf(const std::string& origin) const;

  net::HttpResponse Spans(const net::HttpRequest& request);         // /api/v1/spans
  net::HttpResponse Trace(std::string_view trace_id);               // /api/v1/traces/ID
  net::HttpResponse Records(const net::HttpRequest& request);       // /api/records
  net::HttpResponse Record(std::string_view request_id);            // /api/records/ID
  net::HttpResponse Overview(const net::HttpRequest& request);      // /api/overview
  net::HttpResponse MetricPoints(const net::HttpRequest& request);  // /api/metrics?name=
  net::HttpResponse MetricNames();                                  // /api/metrics
  net::HttpResponse Sql(const net::HttpRequest& request);           // /api/sql
  net::HttpResponse TakeRecord(const net::HttpRequest& request);    // /api/log
  net::HttpResponse HandleHolds(const net::HttpRequest& request);   // /api/holds, /api/holds/NAME
  net::HttpResponse SetHold(const net::HttpRequest& request);
  net::HttpResponse HeldLeaves(std::string_view path);  // /mirror/HASH/holds
  net::HttpResponse LedgerState() const;                // /api/ledger
  net::HttpResponse Health() const;                     // /health
  net::HttpResponse OwnMetrics() const;                 // /metrics

  Result<wire::Json> Served();  // each mirrored log's newest boot and model records
  wire::Json ListedRecord(const std::string& origin, uint64_t index, std::string_view request_id,
                          std::string_view operation) const;
  Result<wire::Json> FullRecord(const store::Store::RecordPlace& place) const;

  const QueryApiOptions options_;
  store::Store& store_;
  const std::vector<store::Mirror*> mirrors_;
  store::MirrorApi mirror_api_;
};

}  // namespace beleg::query
