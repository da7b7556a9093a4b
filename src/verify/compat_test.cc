// What the logs of every format version gave to their clients verifies for ever (tests/golden/compat; ledger/compat_test.cc opens the
// logs themselves).
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "verify/proof.h"
#include "verify/receipt.h"

namespace beleg::verify {
namespace {

const std::string kVersion1 = BELEG_SOURCE_DIR "/tests/golden/compat/ledger-v1/";

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  EXPECT_TRUE(file) << path;
  return bytes.str();
}

VerifierKey KeyOf(const std::string& log) {
  const std::string json = ReadFile(log + "log.json");
  const size_t start = json.find("\"vkey\":\"") + 8;
  return ParseVerifierKey(std::string_view(json).substr(start, json.find('"', start) - start)).value();
}

TEST(VerifyCompat, ReceiptsOfVersion1AreGood) {
  const VerifierKey key = KeyOf(kVersion1);
  std::istringstream lines(ReadFile(kVersion1 + "given/receipts"));
  int begins = 0, finishes = 0;
  for (std::string line; std::getline(lines, line);) {
    auto receipt = ParseReceipt(std::string_view(line).substr(line.find(": ") + 2));
    ASSERT_TRUE(receipt) << receipt.error().message;
    EXPECT_TRUE(CheckReceipt(*receipt, key)) << line;
    const bool is_begin = std::holds_alternative<BeginClaim>(receipt->claim);
    ++(is_begin ? begins : finishes);
  }
  EXPECT_EQ(begins, 7);  // one was still open
  EXPECT_EQ(finishes, 6);
}

TEST(VerifyCompat, AProofOfVersion1IsGood) {
  auto checkpoint = CheckTlogProof(ReadFile(kVersion1 + "given/record.tlog-proof"),
                                   ReadFile(kVersion1 + "given/record.json"), KeyOf(kVersion1));
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(checkpoint->size, 302u);
}

}  // namespace
}  // namespace beleg::verify
