// receiver nop: never has data.
#pragma once

#include "collector/component.h"

namespace beleg::collector {

Component NopReceiver();

}  // namespace beleg::collector
