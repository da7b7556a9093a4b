#include "app/otlp_target.h"

#include "net/http.h"

namespace beleg::app {
namespace {

constexpr uint16_t kOtlpHttpPort = 4318;
constexpr std::string_view kTracesPath = "/v1/traces";

// A setting, and what to call it in an error.
struct Named {
  std::string name, value;
};

Named FirstSet(std::initializer_list<const char*> names,
               const std::function<std::string(const char*)>& environment) {
  for (const char* name : names)
    if (std::string value = environment(name); !value.empty()) return {name, value};
  return {};
}

}  // namespace

Result<OtlpTarget> ResolveOtlpTarget(const std::string& flag,
                                     const std::function<std::string(const char*)>& environment) {
  Named endpoint{"--otlp-traces-endpoint", flag};
  if (flag.empty())
    endpoint = FirstSet({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"}, environment);
  Named protocol =
      FirstSet({"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"}, environment);
  if (!protocol.value.empty() && protocol.value != "grpc" && protocol.value != "http/protobuf")
    return Fail(ErrorCode::kInvalidArgument, "{}={}: grpc and http/protobuf are spoken", protocol.name,
                protocol.value);
  if (endpoint.value.empty()) return OtlpTarget{};

  bool has_scheme = endpoint.value.find("://") != std::string::npos;
  Result<net::Url> url = net::ParseUrl(has_scheme ? endpoint.value : "http://" + endpoint.value);
  if (!url) return Fail(url.error(), "{}={}", endpoint.name, endpoint.value);
  bool has_path = url->target != "/";
  bool http =
      protocol.value.empty() ? has_path || url->port == kOtlpHttpPort : protocol.value == "http/protobuf";
  std::string whole = (has_scheme ? "" : "http://") + endpoint.value;
  if (!has_path && whole.ends_with('/')) whole.pop_back();
  if (http) {
    // The variable for all signals is a base; the others are whole URLs, to which a forgotten path is added.
    if (endpoint.name == "OTEL_EXPORTER_OTLP_ENDPOINT" && whole.ends_with('/')) whole.pop_back();
    if (!has_path || endpoint.name == "OTEL_EXPORTER_OTLP_ENDPOINT") whole += kTracesPath;
    return OtlpTarget{serve::OtlpProtocol::kHttpProtobuf, std::move(whole)};
  }
  if (has_path)
    return Fail(ErrorCode::kInvalidArgument, "{}={}: gRPC has no path; leave out {}", endpoint.name,
                endpoint.value, url->target);
  if (!net::ParseEndpoint(std::string_view(whole).substr(whole.find("://") + 3)))
    return Fail(ErrorCode::kInvalidArgument, "{}={}: no port; OTLP's are 4317 for gRPC and 4318 for HTTP",
                endpoint.name, endpoint.value);
  return OtlpTarget{serve::OtlpProtocol::kGrpc, std::move(whole)};
}

}  // namespace beleg::app
