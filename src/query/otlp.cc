// The store behind the two doors of OTLP (net/otlp_receiver.h): traces and metrics. Logs are not kept (docs/api/store.md says why).
#include "net/otlp_receiver.h"
#include "query/query_api.h"

namespace beleg::query {

class QueryApi::Sink final : public net::OtlpSink {
 public:
  explicit Sink(QueryApi& api) : api_(api) {}

  bool Has(net::OtlpSignal signal) const override { return signal != net::OtlpSignal::kLogs; }
  bool Allows(const net::HttpHeaders& headers) const override { return api_.IsAllowed(headers); }
  Result<wire::otlp::PartialSuccess> Take(net::OtlpSignal signal, std::string request) override {
    TRY_ASSIGN(store::Taken taken, signal == net::OtlpSignal::kTraces ? api_.store_.IngestTraces(request)
                                                                      : api_.store_.IngestMetrics(request));
    return std::move(taken.rejected);
  }

 private:
  QueryApi& api_;
};

net::HttpResponse QueryApi::HandleOtlp(net::HttpRequest request) {
  Sink sink(*this);
  return net::AnswerOtlpHttp(sink, request, options_.body_bytes_max);
}

net::GrpcReply QueryApi::HandleOtlpGrpc(net::GrpcCall call) {
  Sink sink(*this);
  return net::AnswerOtlpGrpc(sink, call);
}

}  // namespace beleg::query
