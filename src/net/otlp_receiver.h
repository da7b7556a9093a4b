// The two doors of an OTLP receiver, HTTP and gRPC: what a request must be, and what it is answered, in the words of Go's collector.
//
// HTTP:    POST /v1/{traces,metrics,logs}, application/x-protobuf or application/json; gzip, zstd, zlib (or its other name,
//          deflate), snappy, x-snappy-framed or identity.
// gRPC:    Export of TraceService, MetricsService and LogsService.
// Answers: what was rejected of a request that was kept is said as partial_success. Errors of the sink as OTLP has them, with
//          Retry-After or RetryInfo where trying again may help: kResourceExhausted (429, RESOURCE_EXHAUSTED) and
//          kUnavailable (503, UNAVAILABLE). Errors over HTTP are a google.rpc.Status in the caller's form.
// Threads: as the sink's.
// Source:  opentelemetry-specification, protocol/otlp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/grpc_server.h"
#include "net/http.h"
#include "wire/otlp_edit.h"

namespace beleg::net {

enum class OtlpSignal : uint8_t { kTraces, kMetrics, kLogs };

// Where the requests go.
class OtlpSink {
 public:
  virtual ~OtlpSink() = default;

  // One that it has not is answered 404, UNIMPLEMENTED.
  virtual bool Has(OtlpSignal signal) const = 0;
  // headers: of the HTTP request, or a call's metadata. false: 401, UNAUTHENTICATED.
  virtual bool Allows(const HttpHeaders& headers) const;
  // request: an Export…ServiceRequest, protobuf.
  virtual Result<wire::otlp::PartialSuccess> Take(OtlpSignal signal, std::string request) = 0;
  // Told of a request whose body could not be unpacked or is no such JSON.
  virtual void Unreadable(OtlpSignal signal);
};

// May take the request's body out. body_bytes_max: packed and unpacked.
HttpResponse AnswerOtlpHttp(OtlpSink& sink, HttpRequest& request, size_t body_bytes_max);
GrpcReply AnswerOtlpGrpc(OtlpSink& sink, GrpcCall& call);

// "/opentelemetry.proto.collector.trace.v1.TraceService/Export".
std::string_view OtlpExportMethod(OtlpSignal signal);

}  // namespace beleg::net
