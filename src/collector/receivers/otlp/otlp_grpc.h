// OTLP over gRPC: the Export calls of the three services.
#pragma once

#include "collector/receivers/intake.h"
#include "net/grpc_server.h"

namespace beleg::collector {

// "/opentelemetry.proto.collector.trace.v1.TraceService/Export".
std::string_view ExportMethod(Signal signal);

// Does not block. intake outlives the server.
net::GrpcHandler OtlpGrpcHandler(Intake& intake);

}  // namespace beleg::collector
