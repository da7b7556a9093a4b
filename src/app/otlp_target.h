// Where serve sends its spans, from vLLM's flag and OpenTelemetry's variables.
//
// Endpoint: the flag, else OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, else OTEL_EXPORTER_OTLP_ENDPOINT; "" when none is set.
// Protocol: OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, else OTEL_EXPORTER_OTLP_PROTOCOL: grpc or http/protobuf. Else what the endpoint says: one
//           with a path, or OTLP/HTTP's port 4318, is HTTP; any other is gRPC, vLLM's default (http://otel-collector:4317).
// Source:   opentelemetry.io/docs/specs/otel/protocol/exporter.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "serve/span_peer.h"

namespace beleg::app {

struct OtlpTarget {
  serve::OtlpProtocol protocol = serve::OtlpProtocol::kHttpProtobuf;
  std::string endpoint;  // as SpanPeer::Open has it; "": spans are not sent
};

// environment: the value of a variable, "" when it is not set. kInvalidArgument names the flag or variable.
Result<OtlpTarget> ResolveOtlpTarget(const std::string& flag,
                                     const std::function<std::string(const char*)>& environment);

}  // namespace beleg::app
