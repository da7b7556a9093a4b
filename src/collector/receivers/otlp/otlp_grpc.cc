#include "collector/receivers/otlp/otlp_grpc.h"

#include <algorithm>

#include "net/inline_handler.h"
#include "wire/otlp.h"

namespace beleg::collector {
namespace {

// Clients try RESOURCE_EXHAUSTED again only when they are told when.
constexpr std::chrono::milliseconds kRetryDelay{1'000};

net::GrpcReply Answer(Intake& intake, net::GrpcCall& call) {
  auto signal = std::ranges::find(kSignals, call.method, ExportMethod);
  if (signal == std::end(kSignals) || !intake.Has(*signal)) return net::UnknownMethod(call.method);
  net::GrpcReply reply;
  Result<void> taken = intake.Take(*signal, std::move(call.message));
  if (taken) {
    reply.message = wire::otlp::EncodeTraceResponse(0, "");
    return reply;
  }
  reply.status = net::GrpcStatusOf(taken.error());
  bool later =
      taken.error().code == ErrorCode::kResourceExhausted || taken.error().code == ErrorCode::kUnavailable;
  if (later) net::SetRetryDelay(reply, kRetryDelay);
  return reply;
}

}  // namespace

std::string_view ExportMethod(Signal signal) {
  switch (signal) {
    case Signal::kTraces: return "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    case Signal::kMetrics: return "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    case Signal::kLogs: return "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
  }
  return "";
}

net::GrpcHandler OtlpGrpcHandler(Intake& intake) {
  return net::Inline([&intake](net::GrpcCall call) { return Answer(intake, call); });
}

}  // namespace beleg::collector
