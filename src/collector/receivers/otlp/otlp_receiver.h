// receiver otlp: OTLP over gRPC and HTTP. A request is acknowledged once the first queue of every pipeline has it.
#pragma once

#include "collector/component.h"

namespace beleg::collector {

Component OtlpReceiver();

}  // namespace beleg::collector
