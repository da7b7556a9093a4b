// processor memory_limiter: refuses data (kUnavailable) while the process holds more memory than its limit.
#pragma once

#include "collector/component.h"

namespace beleg::collector {

Component MemoryLimiterProcessor();

}  // namespace beleg::collector
