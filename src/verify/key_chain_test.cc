#include "verify/key_chain.h"

#include <gtest/gtest.h>

#include "verify/proof.h"
#include "verify/testing.h"

namespace beleg::verify {
namespace {

using testing::Sign;
using testing::TestKey;

std::string KeyRecord(const wire::Ed25519Key& key, std::string_view name = "example.com/log") {
  return fmt::format(R"({{"boot":"b0","reason":"rotation","type":"key","v":1,"vkey":"{}"}})",
                     FormatVerifierKey(name, key.public_key()));
}

// A log whose entries are two key records, the first vouched for by key 1, the second by key 2; it is signed by key 3.
class KeyChainTest : public ::testing::Test {
 protected:
  KeyChainTest() {
    Vouch(1, KeyRecord(*TestKey(2)), 1);
    Vouch(2, KeyRecord(*TestKey(3)), 2);
    log_.entries = entries_;
    log_.key = TestKey(3);
    log_.Write();
    for (const auto& [path, bytes] : proofs_) log_.files[path] = bytes;
  }
  void Vouch(int number, const std::string& record, uint8_t signer) {
    entries_.push_back(record);
    testing::TestLog at(entries_);
    at.SignCheckpoint(at.leaves.size(), at.Root());
    const std::string text =
        fmt::format("{}\n{}\n{}\n", at.origin, at.leaves.size(), Base64Encode(AsView(at.Root())));
    const uint64_t index = at.leaves.size() - 1;
    proofs_[fmt::format("keys/{:03}.tlog-proof", number)] =
        FormatTlogProof({record, index, testing::Path(at.leaves, index, 0, at.leaves.size()),
                         Sign(text, at.origin, *TestKey(signer))});
  }
  static VerifierKey Key(uint8_t fill) {
    return *ParseVerifierKey(FormatVerifierKey("example.com/log", TestKey(fill)->public_key()));
  }

  std::vector<std::string> entries_;
  std::map<std::string, std::string> proofs_;
  testing::TestLog log_{size_t{0}};
};

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
  proof.extra = KeyRecord(*TestKey(9));
  file = FormatTlogProof(proof);
  EXPECT_EQ(FollowKeys(log_.Source(), Key(1)).error().code, ErrorCode::kDataLoss);
}

TEST_F(KeyChainTest, AnotherLogsKeyIsRefused) {
  proofs_.clear(), entries_.clear();
  Vouch(1, KeyRecord(*TestKey(2), "other.example/log"), 1);
  log_.files["keys/001.tlog-proof"] = proofs_.begin()->second;
  EXPECT_EQ(FollowKeys(log_.Source(), Key(1)).error().code, ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace beleg::verify
