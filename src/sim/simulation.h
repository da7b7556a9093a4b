// One seed: a log over several lives of its server, each ended by a kill, a power cut, a failing disk or in order, and looked at
// from outside in between.
//
// Not simulated: threads (calls come between others at each call to the disk, and only there), the ledger's queue and its
// waiting, sockets, a real file system, a change of the log's key, pruning, restoring, the mirror. ledger's and store's own tests,
// tests/fault, tests/integration and `make tsan` have those.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sim/mutation.h"
#include "sim/stats.h"

namespace beleg::sim {

struct Outcome {
  std::optional<std::string> finding;  // nullopt: all was as promised
  Stats stats;
};

// A function of its arguments alone. Cost: about 20 ms.
Outcome Simulate(uint64_t seed, Mutation mutation = Mutation::kNone);

}  // namespace beleg::sim
