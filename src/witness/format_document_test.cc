// docs/formats/witness.md is true byte by byte: its blocks are what the code writes and reads.
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "io/testing.h"
#include "verify/cosignature.h"
#include "verify/proof.h"
#include "witness/cosigner.h"
#include "witness/submission.h"

namespace beleg::witness {
namespace {

// The block that begins with ```NAME.
std::string Block(const std::string& name) {
  std::ifstream file(BELEG_SOURCE_DIR "/docs/formats/witness.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string begin = "```" + name + "\n";
  const size_t at = text.str().find(begin);
  EXPECT_NE(at, std::string::npos) << name;
  if (at == std::string::npos) return "";
  const size_t start = at + begin.size();
  return text.str().substr(start, text.str().find("```", start) - start);
}

class WitnessDocument : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string path = folder_ / "key";
    ASSERT_TRUE(
        io::PosixFileSystem().Open(path, io::OpenMode::kCreate, 0600).value()->WriteAt(0, Block("key")));
    SystemRng rng;
    auto cosigner = Cosigner::Open(io::PosixFileSystem(), path, "", "", rng);
    ASSERT_TRUE(cosigner) << cosigner.error().message;
    cosigner_ = *std::move(cosigner);
  }
  io::TempFolder folder_;
  std::unique_ptr<Cosigner> cosigner_;
};

TEST_F(WitnessDocument, CosignatureAndKeysAreAsDocumented) {
  EXPECT_EQ(cosigner_->vkey() + "\n", Block("vkey"));
  auto note = verify::ParseNote(Block("checkpoint"));
  ASSERT_TRUE(note);
  EXPECT_EQ(*verify::CheckCosignature(*note, cosigner_->key()), 1'700'000'000);
  EXPECT_TRUE(Block("checkpoint").ends_with("\n" + cosigner_->Cosign(note->text, 1'700'000'000)));
}

TEST_F(WitnessDocument, RequestIsAsDocumented) {
  const std::string body = Block("add-checkpoint");
  auto request = ParseAddCheckpoint(body);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(FormatAddCheckpoint(*request), body);
  EXPECT_EQ(request->old_size, 1u);
  auto checkpoint = verify::ParseCheckpoint(verify::ParseNote(request->note)->text);
  ASSERT_TRUE(checkpoint);
  // The tree of the leaf "a" alone: its leaf hash, which docs/formats/ledger.md has.
  auto old_root = ToArray<32>(*HexDecode("022a6979e6dab7aa5ae4c3e5e45f7e977112a7e63593820dbec1ec738a24f93c"));
  EXPECT_TRUE(verify::CheckConsistency(1, *old_root, checkpoint->size, checkpoint->root, request->proof));
}

}  // namespace
}  // namespace beleg::witness
