#include "verify/note.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "verify/testing.h"

namespace beleg::verify {
namespace {

using testing::Sign;
using testing::TestKey;

// The published example of golang.org/x/mod/sumdb/note.
constexpr std::string_view kPeterKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr std::string_view kPeterText =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n";
constexpr std::string_view kPeterSignature =
    "\xE2\x80\x94 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

std::string PeterNote() { return fmt::format("{}\n{}", kPeterText, kPeterSignature); }

VerifierKey PeterKey() {
  auto key = ParseVerifierKey(kPeterKey);
  EXPECT_TRUE(key.has_value()) << key.error().message;
  return *key;
}

std::string CheckpointText(std::string_view root = "NmQuc8JUCrEh46a/lUWwokmCzYMOsT080Z3jzmwCHsE=") {
  return fmt::format("example.com/log\n3\n{}\n", root);
}

VerifierKey KeyFor(std::string name) {
  auto key = TestKey();
  return {name, KeyIdOf(name, key->public_key()), key->public_key()};
}

TEST(VerifierKey, PublishedKeyIsRead) {
  VerifierKey key = PeterKey();
  EXPECT_EQ(key.name, "PeterNeumann");
  EXPECT_EQ(key.id, 0xc74f20a3u);
  EXPECT_EQ(FormatVerifierKey(key.name, key.public_key), kPeterKey);
}

TEST(VerifierKey, FormAndIdAreChecked) {
  for (std::string_view bad : {
           "",
           "PeterNeumann",
           "PeterNeumann+c74f20a3",
           "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
           "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
           "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  // another id
           "PeterNeumann+c74f20+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",    // short id
           "PeterNeumann+c74f20a3+AhpC2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  // type 2
           "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy1",     // short key
           "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T!",
           "PeterNeumann+c74f20a3+",
       }) {
    auto key = ParseVerifierKey(bad);
    ASSERT_FALSE(key.has_value()) << bad;
    EXPECT_EQ(key.error().code, ErrorCode::kInvalidArgument) << bad;
  }
}

TEST(VerifierKey, KeyOfWhateverBytesRoundTrips) {
  // Some of these have '+' in their base64, which is the separator too.
  int with_plus = 0;
  for (int fill = 0; fill < 64; ++fill) {
    auto key = TestKey(static_cast<uint8_t>(fill));
    std::string text = FormatVerifierKey("example.com/log", key->public_key());
    with_plus += std::count(text.begin(), text.end(), '+') > 2;
    auto read = ParseVerifierKey(text);
    ASSERT_TRUE(read.has_value()) << text;
    EXPECT_EQ(read->public_key, key->public_key());
  }
  EXPECT_GT(with_plus, 0);
}

TEST(Note, PublishedNoteOpens) {
  auto text = OpenNote(PeterNote(), PeterKey());
  ASSERT_TRUE(text.has_value()) << text.error().message;
  EXPECT_EQ(*text, kPeterText);
}

TEST(Note, EveryFlippedBitIsRefused) {
  std::string note = PeterNote();
  VerifierKey key = PeterKey();
  for (size_t i = 0; i < note.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = note;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      EXPECT_FALSE(OpenNote(bad, key).has_value()) << "byte " << i << " bit " << bit;
    }
}

TEST(Note, EveryCutIsRefused) {
  std::string note = PeterNote();
  for (size_t length = 0; length < note.size(); ++length)
    EXPECT_FALSE(OpenNote(note.substr(0, length), PeterKey()).has_value()) << length;
}

TEST(Note, TextMayHoldBlankLines) {
  auto key = TestKey();
  std::string text = "one\n\ntwo\n\n\nthree\n";
  auto opened = OpenNote(Sign(text, "x", *key), KeyFor("x"));
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  EXPECT_EQ(*opened, text);
}

TEST(Note, SignaturesOfOthersAreIgnored) {
  auto other = TestKey(9);
  std::string note = PeterNote();
  std::string foreign = Sign(kPeterText, "witness.example", *other).substr(kPeterText.size() + 1);
  auto opened = OpenNote(note + foreign, PeterKey());
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  auto parsed = ParseNote(note + foreign);
  ASSERT_TRUE(parsed.has_value());
  ASSERT_EQ(parsed->signatures.size(), 2u);
  EXPECT_EQ(parsed->signatures[1].name, "witness.example");
  EXPECT_EQ(parsed->signatures[1].bytes.size(), 64u);
}

TEST(Note, WithoutThisKeysSignatureItIsUnauthenticated) {
  auto opened = OpenNote(Sign(kPeterText, "witness.example", *TestKey(9)), PeterKey());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kUnauthenticated);
  // The same name with another key has another key id.
  opened = OpenNote(Sign(kPeterText, "PeterNeumann", *TestKey(9)), PeterKey());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kUnauthenticated);
}

TEST(Note, OneBadSignatureOfTheKeyIsEnoughToRefuse) {
  std::string bad(kPeterSignature);
  size_t digit = bad.find("ZJku");
  bad[digit] = 'Y';
  auto opened = OpenNote(PeterNote() + bad, PeterKey());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kDataLoss);
}

TEST(Note, FormIsChecked) {
  std::string signature = std::string(kPeterSignature);
  for (const std::string& bad : std::vector<std::string>{
           "",
           "\n",
           "\n\n",
           "text\n",
           "text\n\n",
           "text\n\nno signature\n",
           "text\n" + signature,                                // no blank line
           "te\txt\n\n" + signature,                            // control character
           "te\xFFxt\n\n" + signature,                          // not UTF-8
           "text\n\n- name x08go/ZJkuA=\n",                     // hyphen
           "text\n\n\xE2\x80\x94 name\n",                       // no signature
           "text\n\n\xE2\x80\x94 na+me x08go/ZJkuA=\n",         // plus in the name
           "text\n\n\xE2\x80\x94 na\xC2\xA0me x08go/ZJkuA=\n",  // a Unicode space in the name
           "text\n\n\xE2\x80\x94 name x08goA==\n",              // key id alone
           "text\n\n\xE2\x80\x94 name x08go/ZJkuA=",            // no newline at the end
           "text\n\n\xE2\x80\x94 name x08go/ZJkuA= \n",
       }) {
    auto note = ParseNote(bad);
    ASSERT_FALSE(note.has_value()) << bad;
    EXPECT_EQ(note.error().code, ErrorCode::kDataLoss) << bad;
  }
  EXPECT_TRUE(ParseNote("text\n\n\xE2\x80\x94 name x08go/ZJkuA=\n").has_value());
}

TEST(Note, LimitsHold) {
  std::string line = "\xE2\x80\x94 name x08go/ZJkuA=\n";
  std::string note = "text\n\n";
  for (int i = 0; i < 100; ++i) note += line;
  EXPECT_TRUE(ParseNote(note).has_value());
  EXPECT_FALSE(ParseNote(note + line).has_value());
  EXPECT_FALSE(ParseNote(std::string(1 << 20, 'x') + "\n\n" + line).has_value());
}

TEST(Checkpoint, ThreeLinesAreRead) {
  auto checkpoint =
      OpenCheckpoint(Sign(CheckpointText(), "example.com/log", *TestKey()), KeyFor("example.com/log"));
  ASSERT_TRUE(checkpoint.has_value()) << checkpoint.error().message;
  EXPECT_EQ(checkpoint->origin, "example.com/log");
  EXPECT_EQ(checkpoint->size, 3u);
  EXPECT_EQ(HexEncode(AsView(checkpoint->root)),
            "36642e73c2540ab121e3a6bf9545b0a24982cd830eb13d3cd19de3ce6c021ec1");
}

TEST(Checkpoint, ExtensionLinesAreAllowed) {
  EXPECT_TRUE(ParseCheckpoint(CheckpointText() + "more\nand more\n").has_value());
}

TEST(Checkpoint, ForeignOriginIsRefused) {
  auto checkpoint =
      OpenCheckpoint(Sign(CheckpointText(), "example.com/other", *TestKey()), KeyFor("example.com/other"));
  ASSERT_FALSE(checkpoint.has_value());
  EXPECT_EQ(checkpoint.error().code, ErrorCode::kDataLoss);
}

TEST(Checkpoint, FormIsChecked) {
  std::string root = "NmQuc8JUCrEh46a/lUWwokmCzYMOsT080Z3jzmwCHsE=";
  for (const std::string& bad :
       {std::string(), std::string("a\n"), std::string("a\n3\n"), "\n3\n" + root + "\n",
        "a\n03\n" + root + "\n", "a\n-3\n" + root + "\n", "a\n+3\n" + root + "\n", "a\n\n" + root + "\n",
        "a\n3 \n" + root + "\n", "a\n99999999999999999999\n" + root + "\n", "a\n3\n" + root,
        "a\n3\n" + root.substr(4) + "\n", "a\n3\n" + root + "AAAA\n", "a\n3\n" + root + "\n\n",
        "a\n3\n" + root + "\nx\n\n"}) {
    auto checkpoint = ParseCheckpoint(bad);
    ASSERT_FALSE(checkpoint.has_value()) << bad;
    EXPECT_EQ(checkpoint.error().code, ErrorCode::kDataLoss) << bad;
  }
}

}  // namespace
}  // namespace beleg::verify
