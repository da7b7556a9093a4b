// What a start says when a witness or the mirror has seen more of our log, or another history of it: to append would fork it.
#pragma once

#include <string>

#include "ledger/ledger.h"
#include "witness/client.h"

namespace beleg::serve {

struct ForkRefusal {
  const witness::WitnessAddress& seen_by;
  const witness::WitnessAddress* mirror;  // where the way back leads; null: none is configured
  const std::string& ledger_dir;
  const Error& finding;  // of the submission, names the sizes
};

// kFailedPrecondition; names both sizes, both times as far as they can be had, and the way back. Asks the witness when it cosigned
// last, which may take timeout.
Error RefuseToFork(const ForkRefusal& refusal, ledger::Ledger& ledger, std::chrono::milliseconds timeout);

}  // namespace beleg::serve
