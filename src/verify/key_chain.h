// A log's keys, from the one that somebody pinned to those after and before it (docs/formats/ledger.md, "Keys").
//
// One change is one file, keys/NNN.tlog-proof: a C2SP tlog-proof whose extra data is the record that names the new key and the one it
// replaces, under a checkpoint that both keys signed. Who trusts one of the two is led to the other.
//
// Trust: it leads away from the pinned key and never back. A key that was reached as a former one vouches for no other: its thief could
//        name what he likes. A record that names no key it replaces (those of older programs) leads to the new key alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "verify/note.h"
#include "verify/proof.h"
#include "verify/receipt.h"
#include "verify/tiles.h"

namespace beleg::verify {

inline constexpr size_t kKeyProofsMax = 999;  // of a text, of a log: as many as its file names can count

// One such file, read: the record stands in the tree of that checkpoint. Whose signatures it bears is the chain's to check.
struct KeyProof {
  std::string place;  // for people: the file's path, or "proof 2 of FILE"
  std::string text;
  TlogProof proof;
  Checkpoint tree;
  VerifierKey key;
  std::optional<VerifierKey> replaces;
  int64_t time_us = 0;  // of the record
};

// True for a tlog-proof whose extra data is a key record, so that it says by itself what it is a proof of.
bool IsKeyProof(std::string_view text);
// What a text holds: one such proof or several, one after the other. kDataLoss names the one that is wrong.
Result<std::vector<KeyProof>> ParseKeyProofs(std::string_view text, const std::string& place);
// keys/001.tlog-proof, keys/002.tlog-proof, … of a log; none when its key never changed. kDataLoss names the file; the source's errors.
Result<std::vector<KeyProof>> ReadKeyProofs(const TileSource& source);

// How a key ended.
struct KeyChange {
  uint64_t leaf =
      0;  // of the record that names the next key: receipts for this and later leaves are of that one
  uint64_t size = 0;    // of the largest tree that the old key signed alone
  int64_t time_us = 0;  // of that record
};

struct LogKey {
  VerifierKey key;
  std::optional<KeyChange> replaced{};  // nullopt: not as far as is known here

  // Whether the signature says anything: that of a replaced key does for what is of before, since others may have the key now. A begin
  // receipt is judged by its time, which is the server's clock.
  bool CountsFor(const Receipt& receipt) const;
  bool CountsFor(const Checkpoint& tree) const;
};

class KeyChain {
 public:
  explicit KeyChain(VerifierKey pinned) { keys_.push_back({std::move(pinned)}); }

  // Follows those of the proofs that lead on, and passes over the others; in whatever order they come, the same keys follow. kDataLoss, the
  // first: a proof that should lead on bears a bad signature, or another key than the one that is known here; the others count.
  // Cost: the signatures of those that may lead on are checked again for each that does.
  Result<void> Extend(const std::vector<KeyProof>& proofs);

  const VerifierKey& pinned() const { return keys_[pinned_].key; }
  const std::vector<LogKey>& keys() const { return keys_; }  // oldest first
  const LogKey* Find(const VerifierKey& key) const;          // null: none of them
  // Whether the keys of this proof stand here, one after the other where it names both.
  bool Has(const KeyProof& proof) const;
  // From the pinned one on.
  std::vector<VerifierKey> Newer() const;

 private:
  // Each: whether the proof had something to say. To the newer keys, to the older ones.
  Result<bool> TakeForward(const KeyProof& proof);
  Result<bool> TakeBackward(const KeyProof& proof);
  Result<bool> TakeNewer(const KeyProof& proof);
  Result<bool> CheckNoFork(const KeyProof& proof) const;
  Result<bool> TakeOlder(const KeyProof& proof);
  Result<bool> MoveChange(const KeyProof& proof, const LogKey& known);

  std::vector<LogKey> keys_;
  size_t pinned_ = 0;
};

// pinned, then each key that follows from it. kDataLoss names the file that is wrong; the source's errors.
Result<std::vector<VerifierKey>> FollowKeys(const TileSource& source, const VerifierKey& pinned);

// The first of these keys that signed the log's checkpoint: pinned itself while it does. pinned when none did, so that the
// checkpoint's own check tells what is wrong.
Result<VerifierKey> KeyOfCheckpoint(const TileSource& source, const VerifierKey& pinned);

}  // namespace beleg::verify
