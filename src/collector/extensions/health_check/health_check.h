// extension health_check: answers whether the collector runs.
#pragma once

#include "collector/component.h"

namespace beleg::collector {

Component HealthCheckExtension();

}  // namespace beleg::collector
