// exporter otlphttp: OTLP over HTTP, protobuf.
#pragma once

#include "collector/component.h"

namespace beleg::collector {

Component OtlpHttpExporter();

}  // namespace beleg::collector
