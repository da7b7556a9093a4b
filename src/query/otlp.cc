// POST /v1/traces: OTLP over HTTP (opentelemetry-proto, "OTLP/HTTP"): protobuf or JSON, identity, gzip or zstd.
#include <algorithm>

#include "base/rpc_code.h"
#include "query/answers.h"
#include "query/query_api.h"
#include "wire/compress.h"
#include "wire/otlp_json.h"

namespace beleg::query {
namespace {

using wire::Json;

enum class Form { kProtobuf, kJson };

// google.rpc.Status as protobuf: int32 code = 1, string message = 2.
std::string EncodeStatus(int code, std::string_view message) {
  std::string out = {0x08, static_cast<char>(code), 0x12};
  for (size_t length = message.size();; length >>= 7) {
    const bool more = length > 0x7f;
    out.push_back(static_cast<char>((length & 0x7f) | (more ? 0x80 : 0)));
    if (!more) break;
  }
  return out.append(message);
}

net::HttpResponse Refuse(Form form, int status, const Error& error) {
  const int code = RpcCodeOf(error.code);
  net::HttpResponse out =
      form == Form::kProtobuf
          ? net::MakeResponse(status, "application/x-protobuf", EncodeStatus(code, error.message))
          : JsonAnswer(Json::MakeObject({{"code", code}, {"message", error.message}}), status);
  if (status == 429 || status == 503) out.headers.Set("retry-after", "1");
  return out;
}

// The media type without its parameters, in lower case.
std::string MediaType(const net::HttpRequest& request) {
  std::string_view value = request.headers.Get("content-type").value_or("");
  value = value.substr(0, value.find(';'));
  while (value.ends_with(' ')) value.remove_suffix(1);
  std::string out(value);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

Result<std::string> Unpack(const net::HttpRequest& request, size_t size_max) {
  const std::string_view encoding = request.headers.Get("content-encoding").value_or("identity");
  if (encoding == "gzip") return wire::GzipDecompress(request.body, size_max);
  if (encoding == "zstd") return wire::ZstdDecompress(request.body, size_max);
  if (encoding == "identity" || encoding.empty()) return request.body;
  return Fail(ErrorCode::kUnimplemented, "content-encoding {}: want gzip, zstd or identity", encoding);
}

int UnpackStatus(ErrorCode code) {
  if (code == ErrorCode::kResourceExhausted) return 413;
  return code == ErrorCode::kUnimplemented ? 415 : 400;
}

}  // namespace

net::HttpResponse QueryApi::HandleOtlp(const net::HttpRequest& request) {
  const std::string type = MediaType(request);
  const Form form = type == "application/x-protobuf" ? Form::kProtobuf : Form::kJson;
  if (request.path() != "/v1/traces") {
    return Refuse(form, 404,
                  {ErrorCode::kNotFound, fmt::format("no path {}; there is /v1/traces", request.path())});
  }
  if (request.method != "POST") {
    net::HttpResponse out = Refuse(form, 405, {ErrorCode::kUnimplemented, "this path takes POST"});
    out.headers.Set("allow", "POST");
    return out;
  }
  if (!IsAllowed(request)) {
    return Refuse(form, 401, {ErrorCode::kUnauthenticated, "wrong or no key in Authorization: Bearer"});
  }
  if (form == Form::kJson && type != "application/json") {
    return Refuse(form, 415,
                  {ErrorCode::kInvalidArgument,
                   fmt::format("content-type '{}': want application/x-protobuf or application/json", type)});
  }
  if (request.body.size() > options_.body_bytes_max) {
    return Refuse(form, 413,
                  {ErrorCode::kResourceExhausted, fmt::format("body of {} bytes, at most {}",
                                                              request.body.size(), options_.body_bytes_max)});
  }
  auto body = Unpack(request, options_.body_bytes_max);
  if (!body) return Refuse(form, UnpackStatus(body.error().code), body.error());
  if (form == Form::kJson) body = wire::otlp::TracesFromJson(*body);
  if (!body) return Refuse(form, HttpStatusOf(body.error().code), body.error());
  auto count = store_.Ingest(*body);
  if (!count) return Refuse(form, HttpStatusOf(count.error().code), count.error());
  return form == Form::kProtobuf
             ? net::MakeResponse(200, "application/x-protobuf", wire::otlp::EncodeTraceResponse(0, ""))
             : JsonAnswer(wire::otlp::TraceResponseToJson(0, ""));
}

}  // namespace beleg::query
