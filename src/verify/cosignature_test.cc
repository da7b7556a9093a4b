#include "verify/cosignature.h"

#include <gtest/gtest.h>

#include "verify/testing.h"

namespace beleg::verify {
namespace {

constexpr KeyType kCosigner = KeyType::kCosignatureV1;
// Made with Go's crypto/ed25519, accepted by torchwood's CosignatureVerifier: docs/formats/witness.md.
constexpr std::string_view kVkey =
    "witness.example.net/w1+669be294+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X";
constexpr std::string_view kText = "example.org/log\n3\nNmQuc8JUCrEh46a/lUWwokmCzYMOsT080Z3jzmwCHsE=\n";
constexpr std::string_view kCosignature =
    "\u2014 witness.example.net/w1 "
    "ZpvilAAAAABlU/EAclsz+yjkCdo0gBK2TtEciye0cWfRJ8JxehQC86MCDliNRxkI4XLhhviJO3j6vNoCUF2GlY69MnZiED1U4c70DA=="
    "\n";

Note NoteOf(std::string_view text, std::string_view lines) {
  return *ParseNote(fmt::format("{}\n{}", text, lines));
}

// A cosignature of key 9 at this time.
std::string Cosign(std::string_view text, int64_t unix_s) {
  auto key = testing::TestKey(9);
  NoteSignature signature{"w", KeyIdOf("w", key->public_key(), kCosigner), ""};
  PutBig64(signature.bytes, static_cast<uint64_t>(unix_s));
  signature.bytes += AsView(key->Sign(CosignedMessage(unix_s, text)));
  return FormatSignature(signature);
}
VerifierKey KeyOfCosign() {
  auto key = testing::TestKey(9);
  return {"w", KeyIdOf("w", key->public_key(), kCosigner), key->public_key()};
}

TEST(Cosignature, ForeignOneIsAccepted) {
  auto key = ParseVerifierKey(kVkey, kCosigner);
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(FormatVerifierKey(key->name, key->public_key, kCosigner), kVkey);
  auto time = CheckCosignature(NoteOf(kText, kCosignature), *key);
  ASSERT_TRUE(time) << time.error().message;
  EXPECT_EQ(*time, 1'700'000'000);
}

TEST(Cosignature, SignatureLineIsWrittenAsItWasRead) {
  EXPECT_EQ(FormatSignature(NoteOf(kText, kCosignature).signatures[0]), kCosignature);
}

TEST(Cosignature, NewestOfSeveralCounts) {
  EXPECT_EQ(*CheckCosignature(NoteOf(kText, Cosign(kText, 9) + Cosign(kText, 70) + Cosign(kText, 8)),
                              KeyOfCosign()),
            70);
}

TEST(Cosignature, OtherTextIsRefused) {
  auto time =
      CheckCosignature(NoteOf("example.org/log\n4\n", kCosignature), *ParseVerifierKey(kVkey, kCosigner));
  ASSERT_FALSE(time);
  EXPECT_EQ(time.error().code, ErrorCode::kDataLoss);
}

TEST(Cosignature, OtherTimeIsRefused) {
  Note note = NoteOf(kText, kCosignature);
  note.signatures[0].bytes[7] ^= 1;
  EXPECT_EQ(CheckCosignature(note, *ParseVerifierKey(kVkey, kCosigner)).error().code, ErrorCode::kDataLoss);
  note.signatures[0].bytes.resize(64);
  EXPECT_EQ(CheckCosignature(note, *ParseVerifierKey(kVkey, kCosigner)).error().code, ErrorCode::kDataLoss);
}

TEST(Cosignature, NoneOfTheKeyIsTold) {
  EXPECT_EQ(CheckCosignature(NoteOf(kText, kCosignature), KeyOfCosign()).error().code,
            ErrorCode::kUnauthenticated);
}

TEST(Cosignature, KeyOfTheOtherTypeIsRefused) {
  EXPECT_EQ(ParseVerifierKey(kVkey).error().code, ErrorCode::kInvalidArgument);
  auto key = testing::TestKey();
  EXPECT_EQ(ParseVerifierKey(FormatVerifierKey("n", key->public_key()), kCosigner).error().code,
            ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace beleg::verify
