#include "ledger/receipt.h"

#include <gtest/gtest.h>

#include "wire/ed25519.h"

namespace beleg::ledger {
namespace {

Hash32 TestSeed() {
  Hash32 seed;
  for (size_t i = 0; i < seed.size(); ++i) seed[i] = static_cast<uint8_t>(i);
  return seed;
}

std::unique_ptr<NoteSigner> TestSigner() { return NoteSigner::Make("example.org/log", TestSeed()).value(); }

TEST(Receipt, ABodyOfNoRequestHasNoRequestId) {
  EXPECT_EQ(
      EncodeReceiptBody(FinishReceiptBody{.origin = "o", .index = 0, .leaf_hash = {}, .request_id = {}}),
      R"({"index":0,"leaf_hash":")" + std::string(64, '0') + R"(","origin":"o","type":"finish"})");
}

TEST(Receipt, ThePathLengthIsThatOfTheTree) {
  auto signer = TestSigner();
  std::vector<std::string> bodies;
  for (int i = 0; i < 5; ++i) bodies.push_back(fmt::format("body {}", i));
  auto receipts = SignReceipts(*signer, bodies);
  const auto path_length = [](const std::string& receipt) {
    size_t dot = 0;
    for (int i = 0; i < 4; ++i) dot = receipt.find('.', dot) + 1;
    return receipt.find('.', dot) - dot;
  };
  EXPECT_EQ(path_length(receipts[0]), 128u);  // 3 hashes: 96 bytes
  EXPECT_EQ(path_length(receipts[4]), 43u);   // the last of five stands right under the root: 1 hash
}

TEST(NoteSigner, SignsAsSignedNoteSays) {
  auto signer = TestSigner();
  const std::string text = "example.org/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
  const std::string note = signer->SignNote(text);
  const std::string head = text + "\n\u2014 example.org/log ";
  ASSERT_TRUE(note.starts_with(head)) << note;
  ASSERT_TRUE(note.ends_with("\n"));
  const std::string raw =
      Base64Decode(std::string_view(note).substr(head.size(), note.size() - head.size() - 1)).value();
  const Hash32 public_key = wire::Ed25519Key::FromSeed(TestSeed()).value()->public_key();
  EXPECT_TRUE(wire::Ed25519Verify(public_key, text, std::string_view(raw).substr(4)));
}

TEST(NoteSigner, ReadsBackItsPrivateKey) {
  auto signer = TestSigner();
  auto again = NoteSigner::FromPrivateKey(signer->PrivateKey());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ((*again)->vkey(), signer->vkey());
}

TEST(NoteSigner, RefusesBadNamesAndDamagedKeys) {
  for (const char* name : {"", "a b", "a+b", "a\"b", "a\nb", "\u00e4"})
    EXPECT_EQ(NoteSigner::Make(name, TestSeed()).error().code, ErrorCode::kInvalidArgument) << name;
  std::string key = TestSigner()->PrivateKey();
  key[key.size() - 6] = key[key.size() - 6] == 'A' ? 'B' : 'A';
  EXPECT_EQ(NoteSigner::FromPrivateKey(key).error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(NoteSigner::FromPrivateKey("PRIVATE+KEY+x").error().code, ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace beleg::ledger
