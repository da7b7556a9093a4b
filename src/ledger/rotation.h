// RotateKey: gives a log whose server is stopped a new key, in a way that whoever trusts the old one can follow.
//
// Shape:   a key record in the log names the new key; public/keys/NNN.tlog-proof is that record and its proof under a checkpoint that
//          both keys signed. From then on the new key signs receipts and checkpoints, the old one checkpoints too until `overlap` is over;
//          then its private part is destroyed.
// Order:   stopping anywhere and calling again gives one rotation (perhaps told by two records of the same key).
// Errors:  those of Visit.
// Source:  docs/formats/ledger.md, "Keys".
#pragma once

#include <chrono>
#include <string>

#include "ledger/visit.h"

namespace beleg::ledger {

struct RotationOutcome {
  std::string old_vkey, vkey;
  int64_t until_us = 0;  // how long the old one signs too, unix time
};

Result<RotationOutcome> RotateKey(LedgerOptions options, std::chrono::seconds overlap,
                                  const Program& program);

}  // namespace beleg::ledger
