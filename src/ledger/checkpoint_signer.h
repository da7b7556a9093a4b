// CheckpointSigner: signs the log's checkpoints with its key, and with the keys before it as long as their overlap lasts, so that who
// pinned one of those has time to follow (docs/formats/ledger.md, "Keys").
//
// Threads: one at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "ledger/identity.h"

namespace beleg::ledger {

class CheckpointSigner {
 public:
  // Both outlive it.
  CheckpointSigner(const Identity& identity, const Clock& clock) : identity_(identity), clock_(clock) {}

  const std::string& origin() const { return identity_.signer->name(); }
  // The whole note. text: CheckpointText.
  std::string Sign(std::string_view text) const;
  // Whether the note is of this text, and one of our keys signed it (Ed25519 is deterministic: the same key and text, the same line).
  bool IsOurs(std::string_view note, std::string_view text) const;

 private:
  const Identity& identity_;
  const Clock& clock_;
};

}  // namespace beleg::ledger
