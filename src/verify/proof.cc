#include "verify/proof.h"

#include <bit>

#include "wire/sha256.h"

namespace beleg::verify {
namespace {

constexpr std::string_view kProofHeader = "c2sp.org/tlog-proof@v1";
constexpr size_t kProofHashesMax = 63;  // C2SP tlog-witness; a tree of 2^63 leaves is no deeper
constexpr size_t kProofBytesMax = 2 << 20;

using wire::MerkleNodeHash;

std::unexpected<Error> BadProof(std::string_view what) { return Fail(ErrorCode::kDataLoss, "{}", what); }

// One line off the front of text, which must end with a newline.
Result<std::string_view> TakeLine(std::string_view& text, size_t line) {
  size_t end = text.find('\n');
  if (end == std::string_view::npos) return Fail(ErrorCode::kDataLoss, "proof: line {}: cut off", line);
  std::string_view taken = text.substr(0, end);
  text.remove_prefix(end + 1);
  return taken;
}

Result<Hash32> ParseHash(std::string_view text) {
  auto raw = Base64Decode(text);
  if (!raw) return Fail(ErrorCode::kDataLoss, "{}", raw.error().message);
  auto hash = ToArray<32>(*raw);
  if (!hash) return Fail(ErrorCode::kDataLoss, "{}", hash.error().message);
  return *hash;
}

}  // namespace

Result<void> CheckInclusion(const Hash32& leaf_hash, uint64_t index, uint64_t size,
                            const std::vector<Hash32>& proof, const Hash32& root) {
  TRY_ASSIGN(Hash32 reached, RootOfInclusion(leaf_hash, index, size, proof));
  if (reached != root) return BadProof("inclusion proof: gives another root");
  return {};
}

// RFC 9162 §2.1.3.2: `node` is the index of the running hash at its level, `last` that of the level's last node.
Result<Hash32> RootOfInclusion(const Hash32& leaf_hash, uint64_t index, uint64_t size,
                               const std::vector<Hash32>& proof) {
  if (index >= size)
    return Fail(ErrorCode::kDataLoss, "inclusion proof: index {} in a tree of {} leaves", index, size);
  uint64_t node = index, last = size - 1;
  Hash32 hash = leaf_hash;
  for (const Hash32& sibling : proof) {
    if (last == 0) return BadProof("inclusion proof: too many hashes");
    if ((node & 1) != 0 || node == last) {
      hash = MerkleNodeHash(sibling, hash);
      // A last node without a right sibling rises until it is a right child.
      while ((node & 1) == 0) node >>= 1, last >>= 1;
    } else {
      hash = MerkleNodeHash(hash, sibling);
    }
    node >>= 1, last >>= 1;
  }
  if (last != 0) return BadProof("inclusion proof: too few hashes");
  return hash;
}

// RFC 9162 §2.1.4.2, with the sizes 0 and equal that it leaves to the caller.
Result<void> CheckConsistency(uint64_t old_size, const Hash32& old_root, uint64_t new_size,
                              const Hash32& new_root, const std::vector<Hash32>& proof) {
  if (old_size > new_size)
    return Fail(ErrorCode::kDataLoss, "consistency proof: from {} leaves back to {}", old_size, new_size);
  if (old_size == 0 && old_root != wire::Sha256(""))
    return BadProof("consistency proof: not the empty tree's root");
  if (old_size == 0 || old_size == new_size) {
    if (!proof.empty()) return BadProof("consistency proof: too many hashes");
    if (old_size == new_size && old_root != new_root)
      return BadProof("consistency proof: two roots for one size");
    return {};
  }
  uint64_t node = old_size - 1, last = new_size - 1;
  while ((node & 1) != 0) node >>= 1, last >>= 1;
  // When the old tree is one complete subtree its root is the start and is not sent.
  bool complete = std::has_single_bit(old_size);
  if (!complete && proof.empty()) return BadProof("consistency proof: too few hashes");
  Hash32 old_hash = complete ? old_root : proof[0];
  Hash32 new_hash = old_hash;
  for (size_t i = complete ? 0 : 1; i < proof.size(); ++i) {
    if (last == 0) return BadProof("consistency proof: too many hashes");
    if ((node & 1) != 0 || node == last) {
      old_hash = MerkleNodeHash(proof[i], old_hash);
      new_hash = MerkleNodeHash(proof[i], new_hash);
      while ((node & 1) == 0 && node != 0) node >>= 1, last >>= 1;
    } else {
      new_hash = MerkleNodeHash(new_hash, proof[i]);
    }
    node >>= 1, last >>= 1;
  }
  if (last != 0) return BadProof("consistency proof: too few hashes");
  if (old_hash != old_root) return BadProof("consistency proof: gives another old root");
  if (new_hash != new_root) return BadProof("consistency proof: gives another new root");
  return {};
}

void RootHasher::Add(const Hash32& leaf_hash) {
  stack_.push_back(leaf_hash);
  // Each trailing 1 of the old size is a complete subtree as large as what has just grown.
  for (uint64_t bits = size_; (bits & 1) != 0; bits >>= 1) {
    Hash32 right = stack_.back();
    stack_.pop_back();
    stack_.back() = MerkleNodeHash(stack_.back(), right);
  }
  ++size_;
}

Hash32 RootHasher::Root() const {
  if (stack_.empty()) return wire::Sha256("");
  Hash32 root = stack_.back();
  for (size_t i = stack_.size() - 1; i-- > 0;) root = MerkleNodeHash(stack_[i], root);
  return root;
}

Result<TlogProof> ParseTlogProof(std::string_view text) {
  if (text.size() > kProofBytesMax)
    return Fail(ErrorCode::kDataLoss, "proof: {} bytes, at most {}", text.size(), kProofBytesMax);
  TlogProof proof;
  size_t line = 1;
  TRY_ASSIGN(std::string_view taken, TakeLine(text, line));
  if (taken != kProofHeader) return Fail(ErrorCode::kDataLoss, "proof: line 1 is not \"{}\"", kProofHeader);
  TRY_ASSIGN(taken, TakeLine(text, ++line));
  if (taken.starts_with("extra ")) {
    auto extra = Base64Decode(taken.substr(6));
    if (!extra) return Fail(ErrorCode::kDataLoss, "proof: line {}: extra: {}", line, extra.error().message);
    proof.extra = std::move(*extra);
    TRY_ASSIGN(taken, TakeLine(text, ++line));
  }
  if (!taken.starts_with("index "))
    return Fail(ErrorCode::kDataLoss, "proof: line {}: want \"index N\"", line);
  taken.remove_prefix(6);
  auto index = ParseUint64(taken);
  if (!index || (taken.size() > 1 && taken[0] == '0'))
    return Fail(ErrorCode::kDataLoss, "proof: line {}: \"{}\" is no index", line, taken.substr(0, 40));
  proof.index = *index;
  while (true) {
    TRY_ASSIGN(taken, TakeLine(text, ++line));
    if (taken.empty()) break;
    if (proof.hashes.size() == kProofHashesMax)
      return Fail(ErrorCode::kDataLoss, "proof: line {}: more than {} hashes", line, kProofHashesMax);
    auto hash = ParseHash(taken);
    if (!hash) return Fail(std::move(hash.error()), "proof: line {}", line);
    proof.hashes.push_back(*hash);
  }
  proof.checkpoint = text;
  return proof;
}

std::string FormatTlogProof(const TlogProof& proof) {
  std::string out = fmt::format("{}\n", kProofHeader);
  if (!proof.extra.empty()) out += fmt::format("extra {}\n", Base64Encode(proof.extra));
  out += fmt::format("index {}\n", proof.index);
  for (const Hash32& hash : proof.hashes) out += Base64Encode(AsView(hash)) + "\n";
  return out + "\n" + proof.checkpoint;
}

Result<Checkpoint> CheckTlogProof(std::string_view text, std::string_view entry, const VerifierKey& key) {
  TRY_ASSIGN(TlogProof proof, ParseTlogProof(text));
  TRY_ASSIGN(Checkpoint checkpoint, OpenCheckpoint(proof.checkpoint, key));
  TRY(CheckInclusion(wire::MerkleLeafHash(entry), proof.index, checkpoint.size, proof.hashes,
                     checkpoint.root));
  return checkpoint;
}

}  // namespace beleg::verify
