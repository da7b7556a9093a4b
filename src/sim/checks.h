// What must be true of the log after every crash. Each check adds a finding to the world.
#pragma once

#include <string>
#include <vector>

#include "ledger/ledger_core.h"
#include "sim/model.h"

namespace beleg::sim {

// What strangers read, before any recovery: the checkpoint is none that goes back, and (if whole) every file of it is right.
void CheckPublicFiles(World& world, Model& model, bool whole);

// Starts the log on a disk that works, twice, and holds its leaves to what was acknowledged. The second start changes no byte.
void CheckRecovery(World& world, Model& model);

// The rest, of a log whose last boot has closed and published everything.
void CheckLog(World& world, Model& model, ledger::LedgerCore& core);

}  // namespace beleg::sim
