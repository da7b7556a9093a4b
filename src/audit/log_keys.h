// The proofs of a log's changes of keys (verify/key_chain.h): where they are read, what is said of them, and whether the log bears
// them out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "audit/log_scan.h"
#include "verify/key_chain.h"
#include "verify/policy.h"

namespace beleg::audit {

// place: a file with one proof or several, one after the other; or the log's folder or URL (log_source.h). None when a log never changed
// its key. Errors: kDataLoss names the one that is wrong; the source's.
Result<std::vector<verify::KeyProof>> ReadKeyProofsAt(const LogPlace& place);

// What a log says of its keys.
struct LogKeys {
  verify::Policy policy;                   // with the keys that it leads to
  std::vector<verify::KeyProof> proofs{};  // all that lie there
  std::string damage{};                    // what is wrong with them; "": nothing
};
// Errors: the source's.
Result<LogKeys> ReadLogKeys(const verify::TileSource& source, verify::Policy policy);
// The policy alone; damage is left to ScanLog.
Result<verify::Policy> LearnKeysAt(const LogPlace& place, verify::Policy policy);

// One text of them all, as ReadKeyProofsAt takes it.
std::string JoinKeyProofs(const std::vector<verify::KeyProof>& proofs);

// A tlog-proof of this entry, under a checkpoint of a key that counts. kDataLoss else.
struct CheckedProof {
  verify::Policy::Opened head;
  uint64_t index = 0;
};
Result<CheckedProof> CheckProof(const verify::Policy& policy, std::string_view proof, std::string_view entry);

// "98af023b": a key's id.
std::string IdOf(const verify::VerifierKey& key);

// What to say of a signature under a key that was not pinned, or does not count any more; "" for others. counts: LogKey::CountsFor.
std::string SignerText(const verify::Policy& policy, const verify::LogKey& signer, bool counts);

// For a signature of none of the known keys: which are known, and how others become so.
std::string KnownKeysText(const verify::Policy& policy, std::string_view origin);
// The same for a signed note that Policy::Open refused; "" when it is of an unknown log, or no note.
std::string KnownKeysTextOf(const verify::Policy& policy, std::string_view signed_note);

// Whether the record of each proof stands in the log beside which the proofs lie.
class KeyProofCheck {
 public:
  explicit KeyProofCheck(std::vector<verify::KeyProof> proofs) : proofs_(std::move(proofs)) {}

  // Each entry, in order of index.
  void Look(uint64_t index, std::string_view entry);
  const std::vector<std::string>& findings() const { return findings_; }

 private:
  const std::vector<verify::KeyProof> proofs_;
  std::vector<std::string> findings_;
};

}  // namespace beleg::audit
