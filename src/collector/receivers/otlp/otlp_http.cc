#include "collector/receivers/otlp/otlp_http.h"

#include <algorithm>

#include "base/rpc_code.h"
#include "wire/compress.h"
#include "wire/otlp_edit.h"
#include "wire/otlp_json.h"

namespace beleg::collector {
namespace {

constexpr std::string_view kProtobuf = "application/x-protobuf";
constexpr std::string_view kJson = "application/json";

net::HttpResponse Text(int status, std::string text) {
  return net::MakeResponse(status, "text/plain", std::move(text));
}

net::HttpResponse Refuse(bool json, const Error& error, int status) {
  int code = RpcCodeOf(error.code);
  net::HttpResponse out =
      json ? net::MakeResponse(status, std::string(kJson),
                               wire::Json::MakeObject({{"code", code}, {"message", error.message}}).Dump())
           : net::MakeResponse(status, std::string(kProtobuf), wire::otlp::EncodeStatus(code, error.message));
  if (status == 429 || status == 503) out.headers.Set("retry-after", "1");
  return out;
}

// The media type without its parameters.
std::string_view MediaType(const net::HttpRequest& request) {
  std::string_view value = request.headers.Get("content-type").value_or("");
  value = value.substr(0, value.find(';'));
  while (value.ends_with(' ')) value.remove_suffix(1);
  return value;
}

Result<std::string> Unpack(net::HttpRequest& request, size_t size_max) {
  std::string_view encoding = request.headers.Get("content-encoding").value_or("");
  if (encoding.empty() || encoding == "identity") return std::move(request.body);
  if (encoding == "gzip") return wire::GzipDecompress(request.body, size_max);
  if (encoding == "zstd") return wire::ZstdDecompress(request.body, size_max);
  if (encoding == "deflate" || encoding == "zlib") return wire::ZlibDecompress(request.body, size_max);
  if (encoding == "snappy") return wire::SnappyDecompress(request.body, size_max);
  if (encoding == "x-snappy-framed") return wire::SnappyUnframe(request.body, size_max);
  return Fail(ErrorCode::kInvalidArgument, "unsupported Content-Encoding: {}", encoding);
}

Result<std::string> FromJson(Signal signal, std::string_view json) {
  switch (signal) {
    case Signal::kTraces: return wire::otlp::TracesFromJson(json);
    case Signal::kMetrics: return wire::otlp::MetricsFromJson(json);
    case Signal::kLogs: return wire::otlp::LogsFromJson(json);
  }
  return Fail(ErrorCode::kInternal, "no such signal");
}

}  // namespace

net::HttpResponse AnswerOtlp(Intake& intake, net::HttpRequest& request, size_t body_bytes_max) {
  std::string_view path = request.path();
  auto signal = std::ranges::find_if(
      kSignals, [&](Signal each) { return path == fmt::format("/v1/{}", SignalName(each)); });
  if (signal == std::end(kSignals) || !intake.Has(*signal)) return Text(404, "404 page not found");
  if (request.method != "POST") return Text(405, "405 method not allowed, supported: [POST]");
  std::string_view type = MediaType(request);
  bool json = net::EqualNoCase(type, kJson);
  if (!json && !net::EqualNoCase(type, kProtobuf))
    return Text(415, "415 unsupported media type, supported: [application/json, application/x-protobuf]");

  Result<std::string> body = Unpack(request, body_bytes_max);
  if (body && json) body = FromJson(*signal, *body);
  if (!body) {
    intake.Failed(*signal);
    return Refuse(json, body.error(), 400);
  }
  Result<void> taken = intake.Take(*signal, std::move(*body));
  if (!taken) return Refuse(json, taken.error(), OtlpHttpStatusOf(taken.error().code));
  return json ? net::MakeResponse(200, std::string(kJson), R"({"partialSuccess":{}})")
              : net::MakeResponse(200, std::string(kProtobuf), wire::otlp::EncodeTraceResponse(0, ""));
}

}  // namespace beleg::collector
