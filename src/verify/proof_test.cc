#include "verify/proof.h"

#include <gtest/gtest.h>

#include "verify/testing.h"

namespace beleg::verify {
namespace {

using testing::Path;
using testing::Subproof;
using testing::TestLog;
using testing::TreeHash;

constexpr size_t kSizeMax = 70;

std::vector<Hash32> Leaves(size_t count) {
  std::vector<Hash32> leaves;
  for (size_t i = 0; i < count; ++i) leaves.push_back(wire::MerkleLeafHash(std::to_string(i)));
  return leaves;
}

Hash32 Flipped(Hash32 hash, size_t at = 0) {
  hash[at] ^= 1;
  return hash;
}

bool Includes(const Hash32& leaf, uint64_t index, uint64_t size, const std::vector<Hash32>& proof,
              const Hash32& root) {
  auto result = CheckInclusion(leaf, index, size, proof, root);
  EXPECT_TRUE(result || result.error().code == ErrorCode::kDataLoss);
  return result.has_value();
}

bool Consistent(uint64_t old_size, const Hash32& old_root, uint64_t new_size, const Hash32& new_root,
                const std::vector<Hash32>& proof) {
  auto result = CheckConsistency(old_size, old_root, new_size, new_root, proof);
  EXPECT_TRUE(result || result.error().code == ErrorCode::kDataLoss);
  return result.has_value();
}

// The roots over the eight leaves that Certificate Transparency's own tests use.
TEST(RootHasher, GivesThePublishedRoots) {
  std::vector<std::string> data = {"",         std::string(1, '\0'), "\x10", " !", "01", "@ABC",
                                   "PQRSTUVW", "`abcdefghijklmno"};
  data[3] = "\x20\x21", data[4] = "\x30\x31";
  data[5] = "\x40\x41\x42\x43", data[6] = "\x50\x51\x52\x53\x54\x55\x56\x57";
  RootHasher hasher;
  EXPECT_EQ(HexEncode(AsView(hasher.Root())),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  hasher.Add(wire::MerkleLeafHash(data[0]));
  EXPECT_EQ(HexEncode(AsView(hasher.Root())),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  hasher.Add(wire::MerkleLeafHash(data[1]));
  EXPECT_EQ(HexEncode(AsView(hasher.Root())),
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
  for (size_t i = 2; i < data.size(); ++i) hasher.Add(wire::MerkleLeafHash(data[i]));
  EXPECT_EQ(HexEncode(AsView(hasher.Root())),
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
}

TEST(RootHasher, GivesTheRootOfThreeEntries) {
  RootHasher hasher;
  for (std::string_view entry : {"a", "b", "c"}) hasher.Add(wire::MerkleLeafHash(entry));
  EXPECT_EQ(HexEncode(AsView(hasher.Root())),
            "36642e73c2540ab121e3a6bf9545b0a24982cd830eb13d3cd19de3ce6c021ec1");
}

TEST(RootHasher, AgreesWithTheRecursiveDefinitionAtEverySize) {
  std::vector<Hash32> leaves = Leaves(300);
  RootHasher hasher;
  for (size_t size = 0; size <= leaves.size(); ++size) {
    EXPECT_EQ(hasher.size(), size);
    EXPECT_EQ(hasher.Root(), TreeHash(leaves, 0, size)) << size;
    if (size < leaves.size()) hasher.Add(leaves[size]);
  }
}

TEST(Inclusion, HoldsForEveryIndexOfEverySize) {
  std::vector<Hash32> leaves = Leaves(kSizeMax);
  for (size_t size = 1; size <= kSizeMax; ++size) {
    Hash32 root = TreeHash(leaves, 0, size);
    for (size_t index = 0; index < size; ++index)
      EXPECT_TRUE(Includes(leaves[index], index, size, Path(leaves, index, 0, size), root))
          << index << " of " << size;
  }
}

TEST(Inclusion, FailsWhenAnythingIsChanged) {
  std::vector<Hash32> leaves = Leaves(kSizeMax);
  for (size_t size = 1; size <= kSizeMax; ++size) {
    Hash32 root = TreeHash(leaves, 0, size);
    for (size_t index = 0; index < size; ++index) {
      std::vector<Hash32> proof = Path(leaves, index, 0, size);
      EXPECT_FALSE(Includes(Flipped(leaves[index]), index, size, proof, root));
      EXPECT_FALSE(Includes(leaves[index], index, size, proof, Flipped(root, 31)));
      for (size_t i = 0; i < proof.size(); ++i) {
        std::vector<Hash32> bad = proof;
        bad[i] = Flipped(bad[i], i % 32);
        EXPECT_FALSE(Includes(leaves[index], index, size, bad, root)) << i;
        bad.erase(bad.begin() + static_cast<ptrdiff_t>(i));
        EXPECT_FALSE(Includes(leaves[index], index, size, bad, root)) << i;
      }
      std::vector<Hash32> longer = proof;
      longer.push_back(root);
      EXPECT_FALSE(Includes(leaves[index], index, size, longer, root));
    }
  }
}

TEST(Inclusion, FailsAtEveryOtherIndex) {
  std::vector<Hash32> leaves = Leaves(kSizeMax);
  for (size_t size : {2, 3, 7, 8, 9, 31, 32, 33, 64, 70}) {
    Hash32 root = TreeHash(leaves, 0, size);
    for (size_t index = 0; index < size; ++index) {
      std::vector<Hash32> proof = Path(leaves, index, 0, size);
      for (size_t other = 0; other < size + 3; ++other)
        EXPECT_EQ(Includes(leaves[index], other, size, proof, root), other == index)
            << index << " as " << other;
    }
  }
}

TEST(Inclusion, FailsBeyondTheTree) {
  Hash32 leaf = wire::MerkleLeafHash("x");
  EXPECT_FALSE(Includes(leaf, 0, 0, {}, leaf));
  EXPECT_FALSE(Includes(leaf, 1, 1, {}, leaf));
  EXPECT_TRUE(Includes(leaf, 0, 1, {}, leaf));
  EXPECT_FALSE(Includes(leaf, UINT64_MAX, UINT64_MAX, {}, leaf));
  EXPECT_FALSE(Includes(leaf, UINT64_MAX - 1, UINT64_MAX, std::vector<Hash32>(200, leaf), leaf));
}

TEST(Consistency, HoldsForEveryPairOfSizes) {
  std::vector<Hash32> leaves = Leaves(kSizeMax);
  for (size_t new_size = 1; new_size <= kSizeMax; ++new_size)
    for (size_t old_size = 1; old_size <= new_size; ++old_size)
      EXPECT_TRUE(Consistent(old_size, TreeHash(leaves, 0, old_size), new_size, TreeHash(leaves, 0, new_size),
                             Subproof(leaves, old_size, 0, new_size, true)))
          << old_size << " to " << new_size;
}

TEST(Consistency, FailsWhenAnythingIsChanged) {
  std::vector<Hash32> leaves = Leaves(kSizeMax);
  for (size_t new_size = 2; new_size <= kSizeMax; ++new_size)
    for (size_t old_size = 1; old_size < new_size; ++old_size) {
      Hash32 old_root = TreeHash(leaves, 0, old_size), new_root = TreeHash(leaves, 0, new_size);
      std::vector<Hash32> proof = Subproof(leaves, old_size, 0, new_size, true);
      EXPECT_FALSE(Consistent(old_size, Flipped(old_root), new_size, new_root, proof));
      EXPECT_FALSE(Consistent(old_size, old_root, new_size, Flipped(new_root), proof));
      EXPECT_FALSE(Consistent(new_size, new_root, old_size, old_root, proof));
      for (size_t i = 0; i < proof.size(); ++i) {
        std::vector<Hash32> bad = proof;
        bad[i] = Flipped(bad[i], i % 32);
        EXPECT_FALSE(Consistent(old_size, old_root, new_size, new_root, bad)) << i;
        bad.erase(bad.begin() + static_cast<ptrdiff_t>(i));
        EXPECT_FALSE(Consistent(old_size, old_root, new_size, new_root, bad)) << i;
      }
      std::vector<Hash32> longer = proof;
      longer.push_back(new_root);
      EXPECT_FALSE(Consistent(old_size, old_root, new_size, new_root, longer));
    }
}

TEST(Consistency, FailsForARewrittenHistory) {
  std::vector<Hash32> leaves = Leaves(40), rewritten = leaves;
  rewritten[3] = wire::MerkleLeafHash("other");
  for (size_t old_size = 4; old_size < 40; ++old_size)
    EXPECT_FALSE(Consistent(old_size, TreeHash(leaves, 0, old_size), 40, TreeHash(rewritten, 0, 40),
                            Subproof(rewritten, old_size, 0, 40, true)))
        << old_size;
}

TEST(Consistency, KnowsTheEmptyTreeAndEqualSizes) {
  Hash32 empty = wire::Sha256(""), root = wire::MerkleLeafHash("x"), other = wire::MerkleLeafHash("y");
  EXPECT_TRUE(Consistent(0, empty, 0, empty, {}));
  EXPECT_TRUE(Consistent(0, empty, 1, root, {}));
  EXPECT_FALSE(Consistent(0, other, 1, root, {}));
  EXPECT_FALSE(Consistent(0, empty, 1, root, {root}));
  EXPECT_TRUE(Consistent(1, root, 1, root, {}));
  EXPECT_FALSE(Consistent(1, root, 1, other, {}));
  EXPECT_FALSE(Consistent(1, root, 1, root, {root}));
  EXPECT_FALSE(Consistent(2, root, 1, root, {}));
  EXPECT_FALSE(Consistent(3, root, 5, root, {}));
  EXPECT_FALSE(Consistent(UINT64_MAX - 1, root, UINT64_MAX, root, std::vector<Hash32>(200, root)));
}

std::string ProofText(const TestLog& log, size_t index, std::string extra = "") {
  TlogProof proof{std::move(extra), index, Path(log.leaves, index, 0, log.leaves.size()),
                  log.files.at("checkpoint")};
  return FormatTlogProof(proof);
}

TEST(TlogProof, ShowsAnEntryOffline) {
  TestLog log(21);
  for (size_t index = 0; index < 21; ++index) {
    auto checkpoint = CheckTlogProof(ProofText(log, index), log.entries[index], log.vkey());
    ASSERT_TRUE(checkpoint.has_value()) << checkpoint.error().message;
    EXPECT_EQ(*checkpoint, log.checkpoint());
  }
}

TEST(TlogProof, TextHasTheSpecifiedForm) {
  TestLog log({"a", "b", "c"});
  EXPECT_EQ(ProofText(log, 2, "hi"),
            fmt::format("c2sp.org/tlog-proof@v1\nextra aGk=\nindex 2\n{}\n\n{}",
                        Base64Encode(AsView(wire::MerkleNodeHash(log.leaves[0], log.leaves[1]))),
                        log.files.at("checkpoint")));
  auto proof = ParseTlogProof(ProofText(log, 2, "hi"));
  ASSERT_TRUE(proof.has_value()) << proof.error().message;
  EXPECT_EQ(proof->extra, "hi");
  EXPECT_EQ(proof->index, 2u);
  EXPECT_EQ(FormatTlogProof(*proof), ProofText(log, 2, "hi"));
}

TEST(TlogProof, OneLeafNeedsNoHashes) {
  TestLog log({"only"});
  EXPECT_TRUE(CheckTlogProof(ProofText(log, 0), "only", log.vkey()).has_value());
}

TEST(TlogProof, FailsForAnotherEntryOrKey) {
  TestLog log(21);
  auto other_entry = CheckTlogProof(ProofText(log, 4), log.entries[5], log.vkey());
  ASSERT_FALSE(other_entry.has_value());
  EXPECT_EQ(other_entry.error().code, ErrorCode::kDataLoss);
  TestLog other_log(21, "example.com/log", 8);
  auto other_key = CheckTlogProof(ProofText(log, 4), log.entries[4], other_log.vkey());
  ASSERT_FALSE(other_key.has_value());
  EXPECT_EQ(other_key.error().code, ErrorCode::kUnauthenticated);
}

TEST(TlogProof, EveryFlippedBitIsRefused) {
  TestLog log(5);
  std::string text = ProofText(log, 3);
  for (size_t i = 0; i < text.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = text;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      EXPECT_FALSE(CheckTlogProof(bad, log.entries[3], log.vkey()).has_value())
          << "byte " << i << " bit " << bit;
    }
}

TEST(TlogProof, FormIsChecked) {
  TestLog log(5);
  std::string checkpoint = log.files.at("checkpoint");
  std::string hash = Base64Encode(AsView(log.leaves[0])) + "\n";
  std::string hashes;
  for (int i = 0; i < 64; ++i) hashes += hash;
  for (const std::string& bad : std::vector<std::string>{
           "", "c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2\nindex 0\n\n" + checkpoint,
           "c2sp.org/tlog-proof@v1\n", "c2sp.org/tlog-proof@v1\nindex 0\n",
           "c2sp.org/tlog-proof@v1\nindex 00\n\n", "c2sp.org/tlog-proof@v1\nindex -1\n\n",
           "c2sp.org/tlog-proof@v1\nindex\n\n", "c2sp.org/tlog-proof@v1\nextra !\nindex 0\n\n",
           "c2sp.org/tlog-proof@v1\nextra aGk=\n\n", "c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\n",
           "c2sp.org/tlog-proof@v1\nindex 0\n" + hashes + "\n" + checkpoint}) {
    auto proof = ParseTlogProof(bad);
    ASSERT_FALSE(proof.has_value()) << bad;
    EXPECT_EQ(proof.error().code, ErrorCode::kDataLoss) << bad;
  }
}

}  // namespace
}  // namespace beleg::verify
