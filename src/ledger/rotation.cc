#include "ledger/rotation.h"

#include "io/durable.h"
#include "ledger/visit.h"

namespace beleg::ledger {
namespace {

constexpr std::string_view kProofHead = "c2sp.org/tlog-proof@v1\n";

// The key record and its proof in one file that needs nothing else: C2SP tlog-proof, the record as its extra data. Its checkpoint gets the
// new key's signature as well, so that who trusts the new one is led to the old.
Result<void> PublishKeyProof(LedgerCore& core, uint64_t index, NoteSigner& next) {
  TRY_ASSIGN(auto leaves, core.Read(index, 1, SIZE_MAX));
  const auto published = core.published();
  TRY_ASSIGN(std::string proof, core.Proof(*published, index));
  const std::string& note = published->checkpoint;
  const std::string text =
      fmt::format("{}extra {}\n{}{}", kProofHead, Base64Encode(leaves.at(0).bytes),
                  proof.substr(kProofHead.size()), next.SignatureLine(note.substr(0, note.find("\n\n") + 1)));
  io::FileSystem& fs = *core.options().fs;
  // After those that are there: a log that was restored with its newest key alone knows of the others by these files.
  size_t number = 1;
  for (bool exists = true; exists; number += exists) {
    TRY_ASSIGN(exists, fs.Exists(KeyProofPath(core.options().dir, number)));
  }
  const std::string path = KeyProofPath(core.options().dir, number);
  TRY(io::MakeFoldersDurably(fs, io::ParentOf(path)));
  return io::WriteFileDurably(fs, path, text);
}

Result<RotationOutcome> Rotate(const LedgerOptions& options, std::chrono::seconds overlap,
                               const Program& program) {
  TRY_ASSIGN(auto visit, Visit::Open(options, "rotate-key", program));
  LedgerCore& core = visit->core();
  const std::string& dir = core.options().dir;
  TRY_ASSIGN(auto next, PrepareNextKey(*core.options().fs, dir, core.origin(), *core.options().rng));
  TRY_ASSIGN(uint64_t index,
             visit->Append(record::Key{.vkey = next->vkey(), .reason = "rotation", .replaces = core.vkey()}));
  TRY(visit->Close());
  TRY(PublishKeyProof(core, index, *next));
  const int64_t until_us = core.options().clock->UnixMicros() + std::chrono::microseconds(overlap).count();
  TRY(TakeNextKey(*core.options().fs, dir, core.identity(), until_us));
  return RotationOutcome{core.vkey(), next->vkey(), until_us};
}

}  // namespace

Result<RotationOutcome> RotateKey(LedgerOptions options, std::chrono::seconds overlap,
                                  const Program& program) {
  io::FileSystem& fs = options.fs == nullptr ? io::PosixFileSystem() : *options.fs;
  TRY_ASSIGN(bool is_taken, IsNextKeyTaken(fs, options.dir));
  RotationOutcome outcome;
  if (!is_taken) {
    TRY_ASSIGN(outcome, Rotate(options, overlap, program));
  }
  TRY_ASSIGN(auto core, LedgerCore::Open(std::move(options)));  // signs the checkpoint anew
  if (!is_taken) return outcome;
  const OldKey& old = core->identity().old_keys.back();
  return RotationOutcome{old.vkey, core->vkey(), old.until_us};
}

}  // namespace beleg::ledger
