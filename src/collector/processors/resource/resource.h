// processor resource: inserts, updates, upserts and deletes attributes of resources. Only the Resource message is written
// anew, and only when it changes.
#pragma once

#include "collector/component.h"

namespace beleg::collector {

Component ResourceProcessor();

}  // namespace beleg::collector
