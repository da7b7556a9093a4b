// Merkle proofs (RFC 6962 §2.1), checked; and C2SP tlog-proof files, opened.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "verify/note.h"

namespace beleg::verify {

// kDataLoss when the proof does not show it.
Result<void> CheckInclusion(const Hash32& leaf_hash, uint64_t index, uint64_t size,
                            const std::vector<Hash32>& proof, const Hash32& root);
// The root that the proof leads to; kDataLoss when it has too many or too few hashes. It shows nothing until the root is known
// to be right.
Result<Hash32> RootOfInclusion(const Hash32& leaf_hash, uint64_t index, uint64_t size,
                               const std::vector<Hash32>& proof);
Result<void> CheckConsistency(uint64_t old_size, const Hash32& old_root, uint64_t new_size,
                              const Hash32& new_root, const std::vector<Hash32>& proof);

// The root of a tree given leaf by leaf; O(log n) memory.
class RootHasher {
 public:
  void Add(const Hash32& leaf_hash);
  uint64_t size() const { return size_; }
  Hash32 Root() const;  // SHA-256("") for the empty tree

 private:
  uint64_t size_ = 0;
  std::vector<Hash32> stack_;
};

// A ".tlog-proof": one leaf's inclusion under a signed checkpoint, in one offline file.
struct TlogProof {
  std::string extra;  // decoded
  uint64_t index = 0;
  std::vector<Hash32> hashes;
  std::string checkpoint;  // the signed note
};
Result<TlogProof> ParseTlogProof(std::string_view text);
std::string FormatTlogProof(const TlogProof& proof);
// Everything: signature, checkpoint, inclusion of this entry. The checkpoint when good.
Result<Checkpoint> CheckTlogProof(std::string_view text, std::string_view entry, const VerifierKey& key);

}  // namespace beleg::verify
