// exporter nop: takes everything and forgets it.
#pragma once

#include "collector/component.h"

namespace beleg::collector {

Component NopExporter();

}  // namespace beleg::collector
