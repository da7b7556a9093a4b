// A request takes its place in the log here, and is turned away here: identity, the headers that say it, and refusals on record.
#pragma once

#include <chrono>
#include <string>

#include "engine/engine.h"
#include "net/http_server.h"
#include "net/worker_pool.h"
#include "record/commitment.h"
#include "serve/audit_trail.h"
#include "serve/openai/api_error.h"
#include "serve/receipt_book.h"
#include "serve/serve_metrics.h"

namespace beleg::serve {

// What all requests share; outlives them.
struct InferenceContext {
  engine::Engine& engine;
  AuditTrail& trail;
  ServeMetrics& metrics;
  ReceiptBook& receipts;
  net::WorkerPool& pool;  // for prompts too large to tokenize on a loop
  const Clock& clock;
  Rng& rng;
  // Then a request is ended: before its begin receipt's promise is due.
  std::chrono::seconds request_time_max;
};

// From here on the request ends in exactly one record.
struct Admitted {
  record::RequestIdentity id;
  std::string answer_id;  // "chatcmpl-…"
  record::Secret secret{};
  int64_t start_unix_us = 0;
};

Admitted Admit(const InferenceContext& context, const net::HttpRequest& request, record::Operation operation,
               std::string caller);

// X-Request-Id, traceparent; Audit-Mode unless it is closed.
void AddRequestHeaders(const InferenceContext& context, const Admitted& admitted, net::HttpHeaders& headers);

// The finish receipt with its secret, for the client that made the request, who may ask for it again. "" when there is no record.
std::string FinishReceiptFor(const InferenceContext& context, const Admitted& admitted,
                             const Result<ledger::FinishReceipt>& receipt);

// The answer to a request that will not run, after its refusal is on record; 503 when even that cannot be recorded (audit mode open: the
// same answer, marked `Audit-Record: none`). With --ack=mirror it waits for the mirror too; one that does not confirm in time changes no
// status, but marks the answer `Audit-Mirror: unconfirmed`. The body of the request may be missing (it was too large to read).
net::Awaitable<net::HttpResponse> RecordRefusal(const InferenceContext& context,
                                                boost::asio::any_io_executor executor,
                                                const Admitted& admitted, const net::HttpRequest& request,
                                                const ApiError& error);

// The answer when no record can be written, so nothing may run: counted for the next heartbeat.
net::HttpResponse RefuseForNoRoom(const InferenceContext& context, const net::HttpRequest& request,
                                  const Error& why);
ApiError NoRoom();
// The answer when the record is here and the mirror has not confirmed it in time.
ApiError Unmirrored();

}  // namespace beleg::serve
