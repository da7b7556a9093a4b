// exporter otlp: OTLP over gRPC.
#pragma once

#include "collector/component.h"

namespace beleg::collector {

Component OtlpGrpcExporter();

}  // namespace beleg::collector
