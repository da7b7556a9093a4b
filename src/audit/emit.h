// `beleg emit`: one synthetic inference span, as the tutorial's emit_test_span.py makes it, to look at and to send.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/rng.h"
#include "wire/otlp.h"

namespace beleg::audit {

struct EmitOptions {
  std::string service = "vllm", region = "hetzner-nbg1-eu", environment = "production";
  std::string model_id = "facebook/opt-125m", finish_reason = "stop";
  int64_t prompt_tokens = 42, completion_tokens = 17;
  std::string endpoint;          // OTLP/HTTP, e.g. http://127.0.0.1:4318; "": not sent
  std::string token;             // bearer; "": none
  const Clock* clock = nullptr;  // null: the host's
  Rng* rng = nullptr;            // null: the system's
};

struct EmittedSpan {
  TraceId trace_id;
  wire::otlp::ScopeSpans scope;  // resource, scope "vllm.inference" and the one span
};

// "llm.generate", INTERNAL, 10 ms long until now. Resource and attributes are the tutorial's.
EmittedSpan MakeTestSpan(const EmitOptions& options);

// POST {endpoint}/v1/traces as protobuf; an endpoint that ends with /v1/traces is taken as it is. Errors: as WebClient;
// kDataLoss when the peer says that it rejected the span.
Result<void> SendSpan(const EmitOptions& options, const EmittedSpan& emitted);

// The span as OpenTelemetry's ConsoleSpanExporter (Python SDK) prints it, then "trace_id=…".
std::string RenderConsole(const EmittedSpan& emitted);

}  // namespace beleg::audit
