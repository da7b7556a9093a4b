// exporter debug (until 0.110 also `logging`): prints what passes, on stderr as the Collector does.
#pragma once

#include <string>

#include "collector/component.h"

namespace beleg::collector {

Component DebugExporter();

// What verbosity `detailed` prints of a request: every resource, scope and span.
std::string DescribeTraces(std::string_view request);

}  // namespace beleg::collector
