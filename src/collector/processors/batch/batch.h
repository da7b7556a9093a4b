// processor batch: joins what comes until there are send_batch_size items or `timeout` has passed.
//
// Full:  when the next consumer refuses, the batch is kept and offered again; until it is taken, Consume refuses with the
//        next one's error. (The Collector's batch processor drops here, and its sender never knows.)
// Loss:  what the next will never take, and what is still here when the time to stop is over: counted and logged.
// Cost:  joining is appending bytes, splitting copies them once.
#pragma once

#include "base/thread.h"
#include "collector/component.h"

namespace beleg::collector {

Component BatchProcessor();

}  // namespace beleg::collector
