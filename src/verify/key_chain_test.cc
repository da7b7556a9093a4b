#include "verify/key_chain.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "verify/proof.h"
#include "verify/testing.h"

namespace beleg::verify {
namespace {

using testing::Sign;
using testing::TestKey;

constexpr int64_t kChangedUs = 1'700'000'000'000'000;

VerifierKey Key(uint8_t fill) {
  return *ParseVerifierKey(FormatVerifierKey("example.com/log", TestKey(fill)->public_key()));
}

// replaces 0: as older programs wrote it.
std::string KeyRecord(uint8_t key, uint8_t replaces, std::string_view name = "example.com/log") {
  const auto vkey = [](uint8_t fill, std::string_view n) {
    return FormatVerifierKey(n, TestKey(fill)->public_key());
  };
  const std::string former = replaces == 0 ? "" : fmt::format(R"("replaces":"{}",)", vkey(replaces, name));
  return fmt::format(R"({{"boot":"b0","reason":"rotation",{}"time_us":{},"type":"key","v":1,"vkey":"{}"}})",
                     former, kChangedUs, vkey(key, name));
}

// A log whose keys were 1, 2 and 3: its entries are the two key records, each vouched for by the key before and the key it names.
class KeyChainTest : public ::testing::Test {
 protected:
  KeyChainTest() {
    Vouch(1, KeyRecord(2, 1), {1, 2});
    Vouch(2, KeyRecord(3, 2), {2, 3});
    Write();
  }
  void Write() {
    log_.entries = entries_;
    log_.key = TestKey(3);
    log_.Write();
    for (const auto& [path, bytes] : proofs_) log_.files[path] = bytes;
  }
  // keys/NNN of a log that goes on with this record, signed by these keys.
  void Vouch(int number, const std::string& record, const std::vector<uint8_t>& signers) {
    entries_.push_back(record);
    testing::TestLog at(entries_);
    const std::string text =
        fmt::format("{}\n{}\n{}\n", at.origin, at.leaves.size(), Base64Encode(AsView(at.Root())));
    const uint64_t index = at.leaves.size() - 1;
    std::string note = text + "\n";
    for (const uint8_t fill : signers) {
      const std::string one = Sign(text, at.origin, *TestKey(fill));
      note += one.substr(text.size() + 1);
    }
    proofs_[fmt::format("keys/{:03}.tlog-proof", number)] =
        FormatTlogProof({record, index, testing::Path(at.leaves, index, 0, at.leaves.size()), note});
  }
  // The keys of a chain from this one on, by the last byte of their seed.
  std::vector<uint8_t> From(uint8_t pinned) {
    auto proofs = ReadKeyProofs(log_.Source());
    EXPECT_TRUE(proofs) << proofs.error().message;
    KeyChain chain(Key(pinned));
    auto extended = chain.Extend(*proofs);
    EXPECT_TRUE(extended) << extended.error().message;
    std::vector<uint8_t> out;
    for (const LogKey& key : chain.keys())
      for (uint8_t fill = 1; fill < 20; ++fill)
        if (key.key.public_key == Key(fill).public_key) out.push_back(fill);
    return out;
  }
  void WriteOldStyle() {
    entries_.clear(), proofs_.clear();
    Vouch(1, KeyRecord(2, 0), {1});
    Vouch(2, KeyRecord(3, 0), {2});
    Write();
  }

  std::vector<std::string> entries_;
  std::map<std::string, std::string> proofs_;
  testing::TestLog log_{size_t{0}};
};

TEST_F(KeyChainTest, AnyKeyLeadsToAllOthers) {
  const std::vector<uint8_t> all = {1, 2, 3};
  EXPECT_EQ(From(1), all);
  EXPECT_EQ(From(2), all);
  EXPECT_EQ(From(3), all);
}

TEST_F(KeyChainTest, RecordsThatNameNoFormerKeyLeadForwardAlone) {
  WriteOldStyle();
  EXPECT_EQ(From(1), (std::vector<uint8_t>{1, 2, 3}));
  EXPECT_EQ(From(2), (std::vector<uint8_t>{2, 3}));
  EXPECT_EQ(From(3), (std::vector<uint8_t>{3}));
}

TEST_F(KeyChainTest, TheThiefOfAFormerKeyNamesNoOtherToWhoeverPinnedALaterOne) {
  Vouch(3, KeyRecord(9, 2), {2, 9});  // a fork under the stolen key 2
  log_.files["keys/003.tlog-proof"] = proofs_["keys/003.tlog-proof"];
  EXPECT_EQ(From(3), (std::vector<uint8_t>{1, 2, 3}));
  // In front of the true one, too.
  std::swap(log_.files["keys/002.tlog-proof"], log_.files["keys/003.tlog-proof"]);
  EXPECT_EQ(From(3), (std::vector<uint8_t>{1, 2, 3}));
  // Nor does he move the end of the key that he has.
  Vouch(4, KeyRecord(3, 2), {2});
  log_.files["keys/004.tlog-proof"] = proofs_["keys/004.tlog-proof"];
  KeyChain chain(Key(3));
  ASSERT_TRUE(chain.Extend(*ReadKeyProofs(log_.Source())));
  EXPECT_EQ(chain.keys()[1].replaced->leaf, 1u);
}

TEST_F(KeyChainTest, TheThiefOfAReplacedKeyMovesItsEndForNobody) {
  entries_.push_back("his tree goes on");
  Vouch(3, KeyRecord(2, 1), {1});  // names the public successor, without its signature
  Vouch(4, KeyRecord(2, 0), {1});
  Vouch(5, KeyRecord(3, 2), {2});
  Vouch(6, KeyRecord(3, 0), {2});
  for (const auto& [path, bytes] : proofs_) log_.files[path] = bytes;
  for (const uint8_t pinned : {1, 2, 3}) {
    KeyChain chain(Key(pinned));
    ASSERT_TRUE(chain.Extend(*ReadKeyProofs(log_.Source())));
    ASSERT_EQ(chain.keys().size(), 3u);
    EXPECT_EQ(chain.keys()[0].replaced->leaf, 0u) << "pinned: " << +pinned;
    EXPECT_EQ(chain.keys()[1].replaced->leaf, 1u) << "pinned: " << +pinned;
  }
}

TEST_F(KeyChainTest, TheThiefOfAReplacedKeyPutsNoKeyBeforeIt) {
  entries_.push_back("his tree goes on");
  Vouch(3, KeyRecord(1, 9), {1});
  for (const auto& [path, bytes] : proofs_) log_.files[path] = bytes;
  for (const uint8_t pinned : {1, 2, 3}) {
    KeyChain chain(Key(pinned));
    ASSERT_TRUE(chain.Extend(*ReadKeyProofs(log_.Source())));
    EXPECT_EQ(chain.keys().size(), 3u) << "pinned: " << +pinned;
    EXPECT_EQ(chain.Find(Key(9)), nullptr) << "pinned: " << +pinned;
  }
}

TEST_F(KeyChainTest, TheSameKeysFollowInAnyOrder) {
  entries_.push_back("his tree goes on");
  Vouch(3, KeyRecord(2, 1), {1});     // the thief of key 1 would move its end,
  Vouch(4, KeyRecord(2, 0), {1});     // and once more in the words of an older program;
  Vouch(5, KeyRecord(1, 9), {9, 1});  // puts a key of his before it,
  Vouch(6, KeyRecord(8, 0), {1});     // and one behind.
  for (const auto& [path, bytes] : proofs_) log_.files[path] = bytes;
  std::vector<KeyProof> proofs = *ReadKeyProofs(log_.Source());
  std::ranges::sort(proofs, {}, &KeyProof::place);
  do {
    for (const uint8_t pinned : {1, 2, 3}) {
      KeyChain chain(Key(pinned));
      ASSERT_TRUE(chain.Extend(proofs));
      ASSERT_EQ(chain.keys().size(), 3u) << "pinned: " << +pinned;
      EXPECT_EQ(chain.keys()[0].key.public_key, Key(1).public_key);
      EXPECT_EQ(chain.keys()[0].replaced->leaf, 0u);
      EXPECT_EQ(chain.keys()[1].replaced->leaf, 1u);
    }
  } while (std::ranges::next_permutation(proofs, {}, &KeyProof::place).found);
}

TEST_F(KeyChainTest, AWrongProofDoesNotHideTheOthers) {
  std::vector<KeyProof> proofs = *ReadKeyProofs(log_.Source());
  Vouch(3, KeyRecord(9, 1), {1, 9});
  log_.files["keys/001.tlog-proof"] = proofs_["keys/003.tlog-proof"];
  proofs.insert(proofs.begin(), ReadKeyProofs(log_.Source())->front());
  for (int i = 0; i < 2; ++i) {
    KeyChain chain(Key(1));
    EXPECT_EQ(chain.Extend(proofs).error().code, ErrorCode::kDataLoss);
    EXPECT_EQ(chain.keys().size(), 3u);
    std::ranges::reverse(proofs);
  }
}

TEST_F(KeyChainTest, AKeyThatVouchesForTwoIsTold) {
  Vouch(3, KeyRecord(9, 2), {2, 9});
  log_.files["keys/003.tlog-proof"] = proofs_["keys/003.tlog-proof"];
  EXPECT_EQ(FollowKeys(log_.Source(), Key(1)).error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(FollowKeys(log_.Source(), Key(2)).error().code, ErrorCode::kDataLoss);
  EXPECT_TRUE(FollowKeys(log_.Source(), Key(3))) << "whose holders the thief cannot mislead";
}

TEST_F(KeyChainTest, ANewKeyThatClaimsAFormerOneWithoutItsOwnSignatureLeadsNowhere) {
  entries_.clear(), proofs_.clear();
  Vouch(1, KeyRecord(3, 9), {9});
  Write();
  EXPECT_EQ(From(3), (std::vector<uint8_t>{3}));
}

TEST_F(KeyChainTest, ARotationThatWasDoneAgainEndsTheOldKeyWithItsSecondRecord) {
  entries_.clear(), proofs_.clear();
  Vouch(1, KeyRecord(2, 1), {1, 2});
  entries_.push_back("the old key went on");
  Vouch(2, KeyRecord(2, 1), {1, 2});
  Write();
  for (const uint8_t pinned : {1, 2}) {
    KeyChain chain(Key(pinned));
    ASSERT_TRUE(chain.Extend(*ReadKeyProofs(log_.Source())));
    ASSERT_EQ(chain.keys().size(), 2u);
    EXPECT_EQ(chain.keys()[0].replaced->leaf, 2u);
    EXPECT_EQ(chain.keys()[0].replaced->size, 3u);
    EXPECT_FALSE(chain.keys()[1].replaced);
  }
}

TEST_F(KeyChainTest, AReplacedKeyCountsForWhatIsOfBefore) {
  const LogKey old{Key(1), KeyChange{.leaf = 10, .size = 12, .time_us = kChangedUs}};
  const auto finish = [](uint64_t index) {
    FinishClaim claim;
    claim.index = index;
    Receipt receipt;
    receipt.claim = claim;
    return receipt;
  };
  const auto begin = [](int64_t time_us) {
    BeginClaim claim;
    claim.time_us = time_us;
    Receipt receipt;
    receipt.claim = claim;
    return receipt;
  };
  EXPECT_TRUE(old.CountsFor(finish(9)));
  EXPECT_FALSE(old.CountsFor(finish(10)));
  EXPECT_TRUE(old.CountsFor(begin(kChangedUs)));
  EXPECT_FALSE(old.CountsFor(begin(kChangedUs + 1)));
  EXPECT_TRUE(old.CountsFor(Checkpoint{"", 12, {}}));
  EXPECT_FALSE(old.CountsFor(Checkpoint{"", 13, {}}));
  EXPECT_TRUE(LogKey{Key(2)}.CountsFor(finish(1'000)));
}

TEST_F(KeyChainTest, ProofsOneAfterTheOtherAreOneFile) {
  std::string text;
  for (const auto& [path, bytes] : proofs_) text += bytes;
  EXPECT_TRUE(IsKeyProof(text));
  auto proofs = ParseKeyProofs(text, "FILE");
  ASSERT_TRUE(proofs) << proofs.error().message;
  ASSERT_EQ(proofs->size(), 2u);
  EXPECT_EQ((*proofs)[1].key.public_key, Key(3).public_key);
  EXPECT_EQ((*proofs)[1].text, proofs_["keys/002.tlog-proof"]);
  text[text.size() / 4] ^= 1;
  EXPECT_EQ(ParseKeyProofs(text, "FILE").error().code, ErrorCode::kDataLoss);
  EXPECT_FALSE(IsKeyProof(FormatTlogProof({"", 0, {}, log_.files["checkpoint"]})));
}

TEST_F(KeyChainTest, LeadsFromTheFirstKeyToTheOneThatSigns) {
  auto keys = FollowKeys(log_.Source(), Key(1));
  ASSERT_TRUE(keys) << keys.error().message;
  ASSERT_EQ(keys->size(), 3u);
  EXPECT_EQ(keys->back().public_key, Key(3).public_key);
  EXPECT_EQ(KeyOfCheckpoint(log_.Source(), Key(1))->public_key, Key(3).public_key);
}

TEST_F(KeyChainTest, LeadsFromALaterKeyAsWell) {
  EXPECT_EQ(KeyOfCheckpoint(log_.Source(), Key(2))->public_key, Key(3).public_key);
  EXPECT_EQ(FollowKeys(log_.Source(), Key(3))->size(), 1u);
}

TEST_F(KeyChainTest, AStrangersKeyLeadsNowhere) {
  EXPECT_EQ(FollowKeys(log_.Source(), Key(9))->size(), 1u);
  EXPECT_EQ(KeyOfCheckpoint(log_.Source(), Key(9))->public_key, Key(9).public_key);
}

TEST_F(KeyChainTest, ARecordThatTheCheckpointDoesNotCoverIsRefused) {
  std::string& file = log_.files["keys/001.tlog-proof"];
  TlogProof proof = ParseTlogProof(file).value();
  proof.extra = KeyRecord(9, 1);
  file = FormatTlogProof(proof);
  EXPECT_EQ(FollowKeys(log_.Source(), Key(1)).error().code, ErrorCode::kDataLoss);
}

TEST_F(KeyChainTest, ABadSignatureOfTheKeyThatShouldLeadOnIsRefused) {
  std::string& file = log_.files["keys/001.tlog-proof"];
  const size_t at = file.rfind("\xE2\x80\x94 ", file.rfind("\xE2\x80\x94 ") - 1);  // key 1's line
  const size_t end = file.find('\n', at);
  file[end - 10] = file[end - 10] == 'A' ? 'B' : 'A';
  EXPECT_EQ(FollowKeys(log_.Source(), Key(1)).error().code, ErrorCode::kDataLoss);
}

TEST_F(KeyChainTest, AnotherLogsKeyIsRefused) {
  proofs_.clear(), entries_.clear();
  Vouch(1, KeyRecord(2, 1, "other.example/log"), {1});
  log_.files["keys/001.tlog-proof"] = proofs_.begin()->second;
  EXPECT_EQ(FollowKeys(log_.Source(), Key(1)).error().code, ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace beleg::verify
