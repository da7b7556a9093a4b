// A log that gets a new key, on a disk that dies at each of its calls.
#include "ledger/rotation.h"

#include <filesystem>

#include "base/log.h"
#include "io/simulated_disk.h"
#include "ledger/ledger_core.h"
#include "ledger/testing.h"
#include "wire/json.h"

namespace beleg::ledger {
namespace {

using std::chrono::hours;

constexpr std::chrono::seconds kOverlap = hours(24 * 90);

class RotationTest : public testing::Test {
 protected:
  LedgerOptions Options() {
    LedgerOptions options = TestOptions(temp_ / "log");
    options.clock = &clock_;
    return options;
  }
  static size_t SignatureLines(const std::string& checkpoint) {
    size_t lines = 0;
    for (size_t at = checkpoint.find("\n\u2014 "); at != checkpoint.npos;
         at = checkpoint.find("\n\u2014 ", at + 1))
      ++lines;
    return lines;
  }
  std::string Read(std::string_view name) {
    return io::ReadFile(io::PosixFileSystem(), temp_ / "log/" + std::string(name)).value_or("");
  }

  io::TempFolder temp_;
  ManualClock clock_;
};

TEST_F(RotationTest, TheNewKeySignsAndTheOldOneToo) {
  const std::string old_vkey = OpenTestLedger(Options())->vkey();
  auto rotated = RotateKey(Options(), kOverlap, {"1"});
  ASSERT_TRUE(rotated) << rotated.error().message;
  EXPECT_EQ(rotated->old_vkey, old_vkey);
  auto ledger = OpenTestLedger(Options());
  EXPECT_EQ(ledger->vkey(), rotated->vkey);
  EXPECT_NE(ledger->vkey(), old_vkey);
  ASSERT_TRUE(ledger->AppendAndWait("a leaf"));
  ASSERT_TRUE(ledger->CheckpointAtLeast(ledger->durable_size(), kLong));
  EXPECT_EQ(SignatureLines(Read("public/checkpoint")), 2u);
}

TEST_F(RotationTest, TheLogSaysSoAndKeepsTheProof) {
  OpenTestLedger(Options());
  const auto rotated = RotateKey(Options(), kOverlap, {"1", "8bcef123b263"});
  ASSERT_TRUE(rotated);
  auto ledger = OpenTestLedger(Options());
  bool told = false, names_program = false;
  for (const std::string& leaf : AllLeaves(*ledger)) {
    auto record = record::Decode(leaf);
    ASSERT_TRUE(record);
    if (const auto* boot = std::get_if<record::Boot>(&record->body))
      names_program = names_program || (boot->version == "1" && boot->build == "8bcef123b263");
    const auto* key = std::get_if<record::Key>(&record->body);
    told = told || (key != nullptr && *key == record::Key{rotated->vkey, "rotation", rotated->old_vkey});
  }
  EXPECT_TRUE(told);
  EXPECT_TRUE(names_program);
  auto proof = ledger->ReadResource("keys/001.tlog-proof");
  ASSERT_TRUE(proof) << proof.error().message;
  EXPECT_EQ(SignatureLines(proof->bytes), 2u) << "each key vouches for the other";
  EXPECT_EQ(ledger->ReadResource("keys/002.tlog-proof").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ledger->ReadResource("keys/../../key").error().code, ErrorCode::kInvalidArgument);
}

TEST_F(RotationTest, AfterTheOverlapTheOldKeyIsDestroyed) {
  OpenTestLedger(Options());
  ASSERT_TRUE(RotateKey(Options(), kOverlap, {"1"}));
  const auto names = io::PosixFileSystem().List(temp_ / "log").value();
  std::string old_file;
  for (const std::string& name : names)
    if (name.starts_with("key.")) old_file = name;
  ASSERT_NE(old_file, "");
  clock_.AdvanceMicros(std::chrono::microseconds(kOverlap).count() + 1);
  auto ledger = OpenTestLedger(Options());
  ASSERT_TRUE(ledger);
  EXPECT_EQ(SignatureLines(Read("public/checkpoint")), 1u);
  EXPECT_EQ(Read(old_file), "");
  EXPECT_NE(Read("log.json").find("old_keys"), std::string::npos) << "its public part is kept";
}

TEST_F(RotationTest, ThreeKeysOneAfterTheOther) {
  OpenTestLedger(Options());
  ASSERT_TRUE(RotateKey(Options(), kOverlap, {"1"}));
  ASSERT_TRUE(RotateKey(Options(), std::chrono::seconds(0), {"1"}));
  auto ledger = OpenTestLedger(Options());
  ASSERT_TRUE(ledger);
  EXPECT_TRUE(ledger->ReadResource("keys/002.tlog-proof"));
  EXPECT_EQ(SignatureLines(Read("public/checkpoint")), 2u) << "the first has its 90 days, the second none";
}

TEST_F(RotationTest, AKeyThatOthersMayReadIsRefusedByName) {
  OpenTestLedger(Options());
  std::filesystem::permissions(temp_ / "log/key", std::filesystem::perms(0640));
  auto opened = Ledger::Open(Options());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kPermissionDenied);
  EXPECT_NE(opened.error().message.find("/log/key"), std::string::npos);
}

TEST_F(RotationTest, ALogWithoutItsKeyIsNotANewLog) {
  OpenTestLedger(Options());
  ASSERT_TRUE(io::PosixFileSystem().Remove(temp_ / "log/key"));
  EXPECT_EQ(Ledger::Open(Options()).error().code, ErrorCode::kDataLoss);
}

// Dies at its n-th call; whatever comes then, the log opens, and rotating again ends with one new key.
void RotateDyingAt(uint64_t seed) {
  io::SimulatedDisk disk(seed);
  SeededRng rng(seed);
  ManualClock clock;
  LedgerOptions options = TestOptions("/rotated-log");
  options.fs = &disk;
  options.rng = &rng;
  options.clock = &clock;
  const std::string first = LedgerCore::Open(options).value()->vkey();
  disk.SetFault(io::FailsFrom(disk.calls() + 1 + rng.Next() % 90));
  auto rotated = RotateKey(options, kOverlap, {"1"});
  disk.SetFault({});
  if (seed % 2 == 0)
    disk.Kill();
  else
    disk.CutPower();
  if (seed % 3 == 0) {
    ASSERT_TRUE(LedgerCore::Open(options)) << "seed " << seed;
  }
  const bool is_done = LedgerCore::Open(options).value()->vkey() != first;
  if (!is_done) rotated = RotateKey(options, kOverlap, {"1"});
  auto core = LedgerCore::Open(options);
  ASSERT_TRUE(core) << core.error().message << ", seed " << seed;
  EXPECT_NE((*core)->vkey(), first) << "seed " << seed;
  EXPECT_EQ((*core)->identity().old_keys.size(), 1u) << "seed " << seed;
  EXPECT_TRUE((*core)->ReadResource("keys/001.tlog-proof")) << "seed " << seed;
}

TEST(Rotation, DyingAtAnyCallLeavesTheOldKeyOrTheNewOne) {
  SetLogLevel("off");
  for (uint64_t seed = 1; seed <= 60 && !testing::Test::HasFailure(); ++seed) RotateDyingAt(seed);
  SetLogLevel("info");
}

}  // namespace
}  // namespace beleg::ledger
