// `beleg audit reconcile`: does everything that tells of a log's requests tell the same? Records against each other and against the
// heartbeats' counters, the server's /metrics, the receipts that clients kept, and the spans in the store.
//
// Every difference is named. What the store lacks can be sent again (the same pure mapping as the exporter's), and the outcome is put on
// record in the audit host's own log.
#pragma once

#include <string>
#include <vector>

#include "audit/log_scan.h"
#include "audit/request_accounts.h"
#include "base/clock.h"
#include "record/audit_record.h"
#include "record/otel_mapping.h"
#include "verify/policy.h"
#include "wire/json.h"

namespace beleg::audit {

struct ReconcileOptions {
  LogPlace log;                          // the ledger, or a copy of it
  verify::Policy policy;                 // its key
  std::string serve_url;                 // whose /metrics are compared; "": none
  std::string store_url, store_api_key;  // "": no spans are compared, and nothing is put on record
  std::string receipts;                  // folder or file of receipts that clients kept; "": none
  std::string resend_url;  // OTLP/HTTP receiver for spans that the store lacks; "": nothing is sent
  record::Semconv semconv = record::Semconv::kDup;  // of what is sent
  bool put_on_record = true;
  const Clock* clock = nullptr;  // null: the host's
};

struct ReconcileReport {
  record::Reconcile record;        // the counts
  std::vector<Finding> findings;   // each gap, in words; the first kFindingsMax
  std::vector<std::string> notes;  // what was not compared, and why
  int64_t record_index = -1;       // leaf of the audit host's log; -1: not on record

  bool ok() const { return findings.empty(); }
};

constexpr size_t kReconcileFindingsMax = 1000;

// Errors: what kept it from looking: as ScanLog, WebClient, and io; kDataLoss for an answer that is none. Gaps are in the report.
Result<ReconcileReport> ReconcileLog(const ReconcileOptions& options);

std::string RenderText(const ReconcileReport& report);
wire::Json RenderJson(const ReconcileReport& report);

}  // namespace beleg::audit
