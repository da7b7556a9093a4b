#include "net/otlp_receiver.h"

#include <algorithm>

#include "base/rpc_code.h"
#include "wire/compress.h"
#include "wire/otlp_json.h"

namespace beleg::net {
namespace {

using wire::otlp::PartialSuccess;

constexpr OtlpSignal kSignals[] = {OtlpSignal::kTraces, OtlpSignal::kMetrics, OtlpSignal::kLogs};
constexpr std::string_view kProtobuf = "application/x-protobuf";
constexpr std::string_view kJson = "application/json";
// Clients try RESOURCE_EXHAUSTED again only when they are told when.
constexpr std::chrono::milliseconds kRetryDelay{1'000};

std::string_view Path(OtlpSignal signal) {
  switch (signal) {
    case OtlpSignal::kTraces: return "/v1/traces";
    case OtlpSignal::kMetrics: return "/v1/metrics";
    case OtlpSignal::kLogs: return "/v1/logs";
  }
  return "";
}

// The member of a partial success in JSON; in protobuf all three have one number.
std::string_view RejectedName(OtlpSignal signal) {
  switch (signal) {
    case OtlpSignal::kTraces: return "rejectedSpans";
    case OtlpSignal::kMetrics: return "rejectedDataPoints";
    case OtlpSignal::kLogs: return "rejectedLogRecords";
  }
  return "";
}

bool MayComeAgain(ErrorCode code) {
  return code == ErrorCode::kResourceExhausted || code == ErrorCode::kUnavailable;
}

// As the specification maps gRPC's codes to HTTP: what a client may try again is 429 and 503.
int HttpStatusFor(ErrorCode code) {
  switch (code) {
    case ErrorCode::kCancelled:
    case ErrorCode::kDeadlineExceeded:
    case ErrorCode::kDataLoss: return 503;
    default: return HttpStatusOf(code);
  }
}

HttpResponse Text(int status, std::string text) {
  return MakeResponse(status, "text/plain", std::move(text));
}

HttpResponse Refuse(bool json, const Error& error, int status) {
  const int code = RpcCodeOf(error.code);
  HttpResponse out =
      json ? MakeResponse(status, std::string(kJson),
                          wire::Json::MakeObject({{"code", code}, {"message", error.message}}).Dump())
           : MakeResponse(status, std::string(kProtobuf), wire::otlp::EncodeStatus(code, error.message));
  if (status == 429 || status == 503) out.headers.Set("retry-after", "1");
  return out;
}

HttpResponse Accept(bool json, OtlpSignal signal, const PartialSuccess& partial) {
  if (!json) {
    return MakeResponse(200, std::string(kProtobuf),
                        wire::otlp::EncodeTraceResponse(partial.rejected, partial.message));
  }
  wire::Json said = wire::Json::MakeObject({});
  if (partial.rejected > 0) said.Set(RejectedName(signal), std::to_string(partial.rejected));
  if (!partial.message.empty()) said.Set("errorMessage", partial.message);
  return MakeResponse(200, std::string(kJson),
                      wire::Json::MakeObject({{"partialSuccess", std::move(said)}}).Dump());
}

// The media type without its parameters.
std::string_view MediaType(const HttpRequest& request) {
  std::string_view value = request.headers.Get("content-type").value_or("");
  value = value.substr(0, value.find(';'));
  while (value.ends_with(' ')) value.remove_suffix(1);
  return value;
}

Result<std::string> Unpack(HttpRequest& request, size_t size_max) {
  const std::string_view encoding = request.headers.Get("content-encoding").value_or("");
  if (encoding == "gzip") return wire::GzipDecompress(request.body, size_max);
  if (encoding == "zstd") return wire::ZstdDecompress(request.body, size_max);
  if (encoding == "deflate" || encoding == "zlib") return wire::ZlibDecompress(request.body, size_max);
  if (encoding == "snappy") return wire::SnappyDecompress(request.body, size_max);
  if (encoding == "x-snappy-framed") return wire::SnappyUnframe(request.body, size_max);
  if (!encoding.empty() && encoding != "identity")
    return Fail(ErrorCode::kInvalidArgument, "unsupported Content-Encoding: {}", encoding);
  if (request.body.size() > size_max)
    return Fail(ErrorCode::kResourceExhausted, "body of {} bytes, at most {}", request.body.size(), size_max);
  return std::move(request.body);
}

Result<std::string> FromJson(OtlpSignal signal, std::string_view json) {
  switch (signal) {
    case OtlpSignal::kTraces: return wire::otlp::TracesFromJson(json);
    case OtlpSignal::kMetrics: return wire::otlp::MetricsFromJson(json);
    case OtlpSignal::kLogs: return wire::otlp::LogsFromJson(json);
  }
  return Fail(ErrorCode::kInternal, "no such signal");
}

int UnreadableStatus(ErrorCode code) { return code == ErrorCode::kResourceExhausted ? 413 : 400; }

}  // namespace

bool OtlpSink::Allows(const HttpHeaders&) const { return true; }
void OtlpSink::Unreadable(OtlpSignal) {}

HttpResponse AnswerOtlpHttp(OtlpSink& sink, HttpRequest& request, size_t body_bytes_max) {
  const auto signal = std::ranges::find(kSignals, request.path(), Path);
  if (signal == std::end(kSignals) || !sink.Has(*signal)) return Text(404, "404 page not found");
  if (request.method != "POST") {
    HttpResponse out = Text(405, "405 method not allowed, supported: [POST]");
    out.headers.Set("allow", "POST");
    return out;
  }
  const std::string_view type = MediaType(request);
  const bool json = EqualNoCase(type, kJson);
  if (!sink.Allows(request.headers))
    return Refuse(json, {ErrorCode::kUnauthenticated, "wrong or no key in Authorization: Bearer"}, 401);
  if (!json && !EqualNoCase(type, kProtobuf))
    return Text(415, "415 unsupported media type, supported: [application/json, application/x-protobuf]");

  Result<std::string> body = Unpack(request, body_bytes_max);
  if (body && json) body = FromJson(*signal, *body);
  if (!body) {
    sink.Unreadable(*signal);
    return Refuse(json, body.error(), UnreadableStatus(body.error().code));
  }
  auto taken = sink.Take(*signal, *std::move(body));
  return taken ? Accept(json, *signal, *taken)
               : Refuse(json, taken.error(), HttpStatusFor(taken.error().code));
}

GrpcReply AnswerOtlpGrpc(OtlpSink& sink, GrpcCall& call) {
  const auto signal = std::ranges::find(kSignals, call.method, OtlpExportMethod);
  if (signal == std::end(kSignals) || !sink.Has(*signal)) return UnknownMethod(call.method);
  if (!sink.Allows(call.metadata))
    return GrpcFailure(GrpcCode::kUnauthenticated, "wrong or no key in authorization: Bearer");
  auto taken = sink.Take(*signal, std::move(call.message));
  GrpcReply reply;
  if (taken) {
    reply.message = wire::otlp::EncodeTraceResponse(taken->rejected, taken->message);
    return reply;
  }
  reply.status = GrpcStatusOf(taken.error());
  if (MayComeAgain(taken.error().code)) SetRetryDelay(reply, kRetryDelay);
  return reply;
}

std::string_view OtlpExportMethod(OtlpSignal signal) {
  switch (signal) {
    case OtlpSignal::kTraces: return "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    case OtlpSignal::kMetrics: return "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    case OtlpSignal::kLogs: return "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
  }
  return "";
}

}  // namespace beleg::net
