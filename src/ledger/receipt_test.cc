#include "ledger/receipt.h"

#include <gtest/gtest.h>

#include "wire/ed25519.h"
#include "wire/sha256.h"

namespace beleg::ledger {
namespace {

Hash32 TestSeed() {
  Hash32 seed;
  for (size_t i = 0; i < seed.size(); ++i) seed[i] = static_cast<uint8_t>(i);
  return seed;
}

std::unique_ptr<NoteSigner> TestSigner() { return NoteSigner::Make("example.org/log", TestSeed()).value(); }

template <class AnyId>
AnyId IdOf(std::string_view hex) {
  return AnyId::FromHex(hex).value();
}

std::string BeginBody() {
  return EncodeReceiptBody(BeginReceiptBody{.origin = "example.org/log",
                                            .boot = IdOf<BootId>("0011223344556677"),
                                            .seq = 7,
                                            .trace_id = IdOf<TraceId>("0af7651916cd43dd8448eb211c80319c"),
                                            .request_id = IdOf<RequestId>("8899aabbccddeeff0011223344556677"),
                                            .time_us = 1'700'000'000'000'000,
                                            .resolved_by_us = 1'700'000'600'000'000});
}

std::string FinishBody() {
  return EncodeReceiptBody(
      FinishReceiptBody{.origin = "example.org/log",
                        .index = 42,
                        .leaf_hash = wire::MerkleLeafHash("a"),
                        .request_id = IdOf<RequestId>("8899aabbccddeeff0011223344556677")});
}

TEST(Receipt, BytesStandAsDocumented) {  // docs/formats/receipt.md
  auto signer = TestSigner();
  EXPECT_EQ(signer->vkey(), "example.org/log+98af023b+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4");
  EXPECT_EQ(
      BeginBody(),
      R"({"boot":"0011223344556677","origin":"example.org/log","request_id":"8899aabbccddeeff001122334455)"
      R"(6677","resolved_by_us":1700000600000000,"seq":7,"time_us":1700000000000000,"trace_id":"0af765191)"
      R"(6cd43dd8448eb211c80319c","type":"begin"})");
  EXPECT_EQ(
      FinishBody(),
      R"({"index":42,"leaf_hash":"022a6979e6dab7aa5ae4c3e5e45f7e977112a7e63593820dbec1ec738a24f93c","orig)"
      R"(in":"example.org/log","request_id":"8899aabbccddeeff0011223344556677","type":"finish"})");
  const std::string begin =
      "eyJib290IjoiMDAxMTIyMzM0NDU1NjY3NyIsIm9yaWdpbiI6ImV4YW1wbGUub3JnL2xvZyIsInJlcXVlc3RfaWQiOiI4ODk5"
      "YWFiYmNjZGRlZWZmMDAxMTIyMzM0NDU1NjY3NyIsInJlc29sdmVkX2J5X3VzIjoxNzAwMDAwNjAwMDAwMDAwLCJzZXEiOjcs"
      "InRpbWVfdXMiOjE3MDAwMDAwMDAwMDAwMDAsInRyYWNlX2lkIjoiMGFmNzY1MTkxNmNkNDNkZDg0NDhlYjIxMWM4MDMxOWMi"
      "LCJ0eXBlIjoiYmVnaW4ifQ";
  const std::string finish =
      "eyJpbmRleCI6NDIsImxlYWZfaGFzaCI6IjAyMmE2OTc5ZTZkYWI3YWE1YWU0YzNlNWU0NWY3ZTk3NzExMmE3ZTYzNTkzODIw"
      "ZGJlYzFlYzczOGEyNGY5M2MiLCJvcmlnaW4iOiJleGFtcGxlLm9yZy9sb2ciLCJyZXF1ZXN0X2lkIjoiODg5OWFhYmJjY2Rk"
      "ZWVmZjAwMTEyMjMzNDQ1NTY2NzciLCJ0eXBlIjoiZmluaXNoIn0";
  const std::string alone_signature =
      "S_esnkPtM8XT92h9d91tJadMEKdPEYWQ9899oLHIctPAOkdsZ9_sKnSjt664JDk9GHfnlBHwWaC9Nms54CtqAw";
  const std::string two_signature =
      "-7lk10jCo4NqzzJGuX1SzmTLBFx0ITjtCxagTworVECkKUGgN-QQdLNNrCtvQl7zh0CLtEtoU1mnVtddZQTuDw";
  EXPECT_EQ(SignReceipts(*signer, {BeginBody()}), (std::vector{"v1." + begin + ".0.1.." + alone_signature}));
  auto two = SignReceipts(*signer, {BeginBody(), FinishBody()});
  EXPECT_EQ(two[0], "v1." + begin + ".0.2.P5ZyOjzc3YvdwWt33ZEBIrd6FWRWPvZS3tvnttghyCI." + two_signature);
  EXPECT_EQ(two[1], "v1." + finish + ".1.2.e-uMA6OHrkOw1JHt5YOzqhvKTtqGi3pjcHlj4Ah54uQ." + two_signature);
  EXPECT_EQ(AppendSecret(two[1], TestSeed()), two[1] + "." + "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
}

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
