#include "ledger/checkpoint_signer.h"

namespace beleg::ledger {

std::string CheckpointSigner::Sign(std::string_view text) const {
  std::string note = identity_.signer->SignNote(text);
  const int64_t now_us = clock_.UnixMicros();
  for (const OldKey& old : identity_.old_keys)
    if (old.signer && now_us < old.until_us) note += old.signer->SignatureLine(text);
  return note;
}

bool CheckpointSigner::IsOurs(std::string_view note, std::string_view text) const {
  if (!note.starts_with(text) || !note.substr(text.size()).starts_with("\n")) return false;
  const std::string_view lines = note.substr(text.size() + 1);
  if (lines.contains(identity_.signer->SignatureLine(text))) return true;
  for (const OldKey& old : identity_.old_keys)
    if (old.signer && lines.contains(old.signer->SignatureLine(text))) return true;
  return false;
}

}  // namespace beleg::ledger
