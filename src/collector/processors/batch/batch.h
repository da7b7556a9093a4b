// processor batch: joins what comes until there are send_batch_size items or `timeout` has passed.
//
// Full:  when the next consumer refuses, the batch is kept and offered again; once a whole batch waits, Consume refuses
//        with the next one's error. (The Collector's batch processor drops here, and its sender never knows.)
// Cost:  joining is appending bytes.
#pragma once

#include "base/thread.h"
#include "collector/component.h"

namespace beleg::collector {

Component BatchProcessor();

}  // namespace beleg::collector
