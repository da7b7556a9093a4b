#include "serve/admission.h"

#include "base/log.h"
#include "record/request_id.h"
#include "serve/traceparent.h"

namespace beleg::serve {

Admitted Admit(const InferenceContext& context, const net::HttpRequest& request, record::Operation operation,
               std::string caller) {
  std::optional<TraceParent> parent;
  if (auto header = request.headers.Get("traceparent")) parent = ParseTraceParent(*header);
  Admitted admitted;
  admitted.id = context.trail.NewRequest(operation, std::move(caller), parent ? &parent->trace_id : nullptr,
                                         parent ? &parent->parent_span_id : nullptr);
  admitted.answer_id = record::FormatRequestId(operation, context.trail.IdOf(admitted.id));
  admitted.secret = context.rng.Draw<record::Secret>();
  admitted.start_unix_us = context.clock.UnixMicros();
  return admitted;
}

void AddRequestHeaders(const InferenceContext& context, const Admitted& admitted, net::HttpHeaders& headers) {
  SpanId server_span = record::DeriveSpanId(context.trail.IdOf(admitted.id), "server");
  headers.Add("X-Request-Id", admitted.answer_id);
  headers.Add("traceparent", FormatTraceParent({admitted.id.trace_id, server_span, true}));
  if (AuditMode mode = context.trail.mode(); mode != AuditMode::kClosed)
    headers.Add("Audit-Mode", std::string(Name(mode)));
}

std::string FinishReceiptFor(const InferenceContext& context, const Admitted& admitted,
                             const Result<ledger::FinishReceipt>& receipt) {
  if (!receipt || receipt->header.empty()) return "";
  std::string with_secret = ledger::WithSecret(*receipt, admitted.secret);
  context.receipts.Finished(context.trail.IdOf(admitted.id), admitted.id.caller, with_secret);
  return with_secret;
}

net::Awaitable<net::HttpResponse> RecordRefusal(const InferenceContext& context,
                                                boost::asio::any_io_executor executor,
                                                const Admitted& admitted, const net::HttpRequest& request,
                                                const ApiError& error) {
  record::Refused refused;
  refused.id = admitted.id;
  refused.status = error.status;
  refused.error = error.error;
  refused.start_us = admitted.start_unix_us;
  refused.body_bytes = static_cast<int64_t>(request.body.size());
  record::CommitmentTree tree(admitted.secret);
  tree.Add("request/body", request.body);
  refused.commitment = tree.Root();
  Result<ledger::FinishReceipt> receipt = co_await context.trail.Refuse(executor, std::move(refused));
  if (!receipt && context.trail.mode() != AuditMode::kOpen)
    co_return RefuseForNoRoom(context, request, receipt.error());
  if (!receipt) context.trail.CountUnrecorded(admitted.id, admitted.start_unix_us, receipt.error());
  Result<void> mirrored;
  if (receipt) mirrored = co_await context.trail.MirroredLeaf(executor, receipt->index);

  net::HttpResponse response = ErrorResponse(error);
  AddRequestHeaders(context, admitted, response.headers);
  if (!receipt) response.headers.Add("Audit-Record", "none");
  if (!mirrored) {
    LOG_ERROR("serve.refusal_not_mirrored", F("request", admitted.answer_id),
              F("why", mirrored.error().message));
    response.headers.Add("Audit-Mirror", "unconfirmed");
  }
  if (std::string finish = FinishReceiptFor(context, admitted, receipt); !finish.empty())
    response.headers.Add("Audit-Finish", std::move(finish));
  context.metrics.CountHttp(request.path(), "POST", error.status);
  co_return response;
}

net::HttpResponse RefuseForNoRoom(const InferenceContext& context, const net::HttpRequest& request,
                                  const Error& why) {
  ++context.trail.counters().no_room;
  LOG_WARN("serve.ledger_takes_nothing", F("why", why.message));
  context.metrics.CountHttp(request.path(), "POST", 503);
  return ErrorResponse(NoRoom());
}

ApiError NoRoom() {
  return {503, record::ErrorType::kNone, "The audit ledger takes no records now, so no request may run.", "",
          "ledger_unavailable"};
}

ApiError Unmirrored() {
  return {503, record::ErrorType::kTimeout,
          "The mirror has not confirmed the record of this request in time, so its answer is withheld.", "",
          "mirror_unavailable"};
}

}  // namespace beleg::serve
