#include "verify/receipt.h"

#include <gtest/gtest.h>

#include "verify/testing.h"

namespace beleg::verify {
namespace {

// The example of docs/formats/receipt.md.
constexpr std::string_view kKey = "example.org/log+98af023b+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
constexpr std::string_view kBeginAlone =
    "v1."
    "eyJib290IjoiMDAxMTIyMzM0NDU1NjY3NyIsIm9yaWdpbiI6ImV4YW1wbGUub3JnL2xvZyIsInJlcXVlc3RfaWQiOiI4ODk5YWFiYmNj"
    "ZGRl"
    "ZWZmMDAxMTIyMzM0NDU1NjY3NyIsInJlc29sdmVkX2J5X3VzIjoxNzAwMDAwNjAwMDAwMDAwLCJzZXEiOjcsInRpbWVfdXMiOjE3MDAw"
    "MDAwMDAw"
    "MDAwMDAsInRyYWNlX2lkIjoiMGFmNzY1MTkxNmNkNDNkZDg0NDhlYjIxMWM4MDMxOWMiLCJ0eXBlIjoiYmVnaW4ifQ.0.1.."
    "S_esnkPtM8XT92h9d91tJadMEKdPEYWQ9899oLHIctPAOkdsZ9_sKnSjt664JDk9GHfnlBHwWaC9Nms54CtqAw";
constexpr std::string_view kBeginOfTwo =
    "v1."
    "eyJib290IjoiMDAxMTIyMzM0NDU1NjY3NyIsIm9yaWdpbiI6ImV4YW1wbGUub3JnL2xvZyIsInJlcXVlc3RfaWQiOiI4ODk5YWFiYmNj"
    "ZGRl"
    "ZWZmMDAxMTIyMzM0NDU1NjY3NyIsInJlc29sdmVkX2J5X3VzIjoxNzAwMDAwNjAwMDAwMDAwLCJzZXEiOjcsInRpbWVfdXMiOjE3MDAw"
    "MDAwMDAw"
    "MDAwMDAsInRyYWNlX2lkIjoiMGFmNzY1MTkxNmNkNDNkZDg0NDhlYjIxMWM4MDMxOWMiLCJ0eXBlIjoiYmVnaW4ifQ.0.2."
    "P5ZyOjzc3YvdwWt33ZEBIrd6FWRWPvZS3tvnttghyCI."
    "-7lk10jCo4NqzzJGuX1SzmTLBFx0ITjtCxagTworVECkKUGgN-QQdLNNrCtvQl7zh0CLtEtoU1mnVtddZQTuDw";
constexpr std::string_view kFinishOfTwo =
    "v1."
    "eyJpbmRleCI6NDIsImxlYWZfaGFzaCI6IjAyMmE2OTc5ZTZkYWI3YWE1YWU0YzNlNWU0NWY3ZTk3NzExMmE3ZTYzNTkzODIwZGJlYzFl"
    "Yzcz"
    "OGEyNGY5M2MiLCJvcmlnaW4iOiJleGFtcGxlLm9yZy9sb2ciLCJyZXF1ZXN0X2lkIjoiODg5OWFhYmJjY2RkZWVmZjAwMTEyMjMzNDQ1"
    "NTY2Nzci"
    "LCJ0eXBlIjoiZmluaXNoIn0.1.2.e-uMA6OHrkOw1JHt5YOzqhvKTtqGi3pjcHlj4Ah54uQ."
    "-7lk10jCo4NqzzJGuX1SzmTLBFx0ITjtCxagTworVECkKUGgN-QQdLNNrCtvQl7zh0CLtEtoU1mnVtddZQTuDw";
constexpr std::string_view kSecret = ".AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

VerifierKey Key() { return *ParseVerifierKey(kKey); }

bool Good(std::string_view text) {
  auto receipt = ParseReceipt(text);
  return receipt && CheckReceipt(*receipt, Key());
}

std::string Base64Url(std::string_view bytes) {
  std::string out = Base64Encode(bytes);
  while (out.ends_with('=')) out.pop_back();
  for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return out;
}

// A receipt alone in its group, signed with testing::TestKey under the name "x".
std::string Make(std::string_view body) {
  std::string text = fmt::format("x/receipts/v1\n1\n{}\n", Base64Encode(AsView(wire::MerkleLeafHash(body))));
  return fmt::format("v1.{}.0.1..{}", Base64Url(body), Base64Url(AsView(testing::TestKey()->Sign(text))));
}

TEST(Receipt, DocumentedBeginReceiptIsRead) {
  auto receipt = ParseReceipt(kBeginAlone);
  ASSERT_TRUE(receipt.has_value()) << receipt.error().message;
  EXPECT_TRUE(CheckReceipt(*receipt, Key()).has_value());
  EXPECT_EQ(receipt->origin, "example.org/log");
  EXPECT_EQ(receipt->secret, std::nullopt);
  const auto& begin = std::get<BeginClaim>(receipt->claim);
  EXPECT_EQ(begin.boot.Hex(), "0011223344556677");
  EXPECT_EQ(begin.seq, 7u);
  EXPECT_EQ(begin.request_id.Hex(), "8899aabbccddeeff0011223344556677");
  EXPECT_EQ(begin.trace_id.Hex(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(begin.time_us, 1'700'000'000'000'000);
  EXPECT_EQ(begin.resolved_by_us, 1'700'000'600'000'000);
}

TEST(Receipt, DocumentedGroupIsRead) {
  EXPECT_TRUE(Good(kBeginOfTwo));
  EXPECT_TRUE(Good(kFinishOfTwo));
  auto receipt = ParseReceipt(std::string(kFinishOfTwo) + std::string(kSecret));
  ASSERT_TRUE(receipt.has_value()) << receipt.error().message;
  EXPECT_TRUE(CheckReceipt(*receipt, Key()).has_value());
  const auto& finish = std::get<FinishClaim>(receipt->claim);
  EXPECT_EQ(finish.index, 42u);
  EXPECT_EQ(finish.request_id->Hex(), "8899aabbccddeeff0011223344556677");
  ASSERT_TRUE(receipt->secret.has_value());
  EXPECT_EQ((*receipt->secret)[31], 31);
  EXPECT_TRUE(CheckReceiptEntry(*receipt, "a").has_value());
  EXPECT_EQ(CheckReceiptEntry(*receipt, "b").error().code, ErrorCode::kDataLoss);
}

TEST(Receipt, BeginReceiptNamesNoEntry) {
  EXPECT_EQ(CheckReceiptEntry(*ParseReceipt(kBeginAlone), "a").error().code, ErrorCode::kInvalidArgument);
}

TEST(Receipt, EveryFlippedBitIsRefused) {
  for (std::string_view text : {kBeginAlone, kBeginOfTwo, kFinishOfTwo})
    for (size_t i = 0; i < text.size(); ++i)
      for (int bit = 0; bit < 8; ++bit) {
        std::string bad(text);
        bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
        EXPECT_FALSE(Good(bad)) << "byte " << i << " bit " << bit;
      }
}

TEST(Receipt, EveryCutIsRefused) {
  for (size_t length = 0; length < kFinishOfTwo.size(); ++length)
    EXPECT_FALSE(Good(kFinishOfTwo.substr(0, length))) << length;
}

TEST(Receipt, AnotherKeyIsRefused) {
  auto other = testing::TestKey();
  VerifierKey same_name{"example.org/log", KeyIdOf("example.org/log", other->public_key()),
                        other->public_key()};
  EXPECT_EQ(CheckReceipt(*ParseReceipt(kFinishOfTwo), same_name).error().code, ErrorCode::kDataLoss);
  VerifierKey other_name = Key();
  other_name.name = "example.org/other";
  EXPECT_EQ(CheckReceipt(*ParseReceipt(kFinishOfTwo), other_name).error().code, ErrorCode::kDataLoss);
}

TEST(Receipt, CheckpointDoesNotPassForAReceipt) {
  // A log whose origin looks like a receipt's first line signs a checkpoint of size 1: key name and origin differ.
  std::string body =
      R"({"index":0,"leaf_hash":")" + std::string(64, '0') + R"(","origin":"x","type":"finish"})";
  std::string receipt = Make(body);
  auto key = testing::TestKey();
  VerifierKey x{"x", KeyIdOf("x", key->public_key()), key->public_key()};
  EXPECT_TRUE(CheckReceipt(*ParseReceipt(receipt), x).has_value());
  testing::TestLog log({body}, "x/receipts/v1");
  auto checkpoint = OpenCheckpoint(log.files["checkpoint"], x);
  ASSERT_FALSE(checkpoint.has_value());
  EXPECT_EQ(checkpoint.error().code, ErrorCode::kUnauthenticated);
}

TEST(Receipt, RecordOfNoRequestHasNoRequestId) {
  auto receipt = ParseReceipt(
      Make(R"({"index":3,"leaf_hash":")" + std::string(64, 'a') + R"(","origin":"x","type":"finish"})"));
  ASSERT_TRUE(receipt.has_value()) << receipt.error().message;
  EXPECT_EQ(std::get<FinishClaim>(receipt->claim).request_id, std::nullopt);
}

TEST(Receipt, BodyIsRead) {
  std::string hash(64, 'a');
  for (const std::string& body : std::vector<std::string>{
           "", "null", "[]", "{}", R"({"index":3,"leaf_hash":")" + hash + R"(","origin":"x","type":"other"})",
           R"({"index":3,"leaf_hash":")" + hash + R"(","origin":"x"})",
           R"({"index":3,"leaf_hash":")" + hash + R"(","type":"finish"})",
           R"({"index":-3,"leaf_hash":")" + hash + R"(","origin":"x","type":"finish"})",
           R"({"index":"3","leaf_hash":")" + hash + R"(","origin":"x","type":"finish"})",
           R"({"index":3,"leaf_hash":"aa","origin":"x","type":"finish"})",
           R"({"index":3,"leaf_hash":")" + hash +
               R"(","more":1,"origin":"x","type":"finish"})",                             // unknown member
           R"({ "index":3,"leaf_hash":")" + hash + R"(","origin":"x","type":"finish"})",  // not canonical
           R"({"leaf_hash":")" + hash + R"(","index":3,"origin":"x","type":"finish"})",   // not in order
           R"({"boot":"0011223344556677","origin":"x","seq":7,"type":"begin"})"}) {
    auto receipt = ParseReceipt(Make(body));
    ASSERT_FALSE(receipt.has_value()) << body;
    EXPECT_EQ(receipt.error().code, ErrorCode::kDataLoss) << body;
  }
}

TEST(Receipt, FormIsChecked) {
  std::string begin(kBeginAlone), finish(kFinishOfTwo);
  std::string with_number = begin;
  with_number.replace(begin.find(".0.1."), 5, ".00.1.");
  std::string sum = begin;
  sum.replace(begin.find(".0.1."), 5, ".+0.1.");
  std::string zero = begin;
  zero.replace(begin.find(".0.1."), 5, ".0.0.");
  for (const std::string& bad :
       std::vector<std::string>{"", "v1", "v2." + begin.substr(3), with_number, sum, begin + ".",
                                begin + std::string(kSecret),  // begin with a secret
                                finish + ".AAEC", finish + std::string(kSecret) + ".x", finish + "=",
                                " " + begin, begin + "\n", std::string(40'000, 'a')}) {
    auto receipt = ParseReceipt(bad);
    ASSERT_FALSE(receipt.has_value()) << bad;
    EXPECT_EQ(receipt.error().code, ErrorCode::kDataLoss) << bad;
  }
  EXPECT_FALSE(Good(zero));
}

}  // namespace
}  // namespace beleg::verify
