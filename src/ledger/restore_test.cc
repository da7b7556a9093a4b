// A log's old copy, or nothing but its key, brought up to its mirror, on a disk that dies at each of its calls.
#include "ledger/restore.h"

#include "base/log.h"
#include "io/durable.h"
#include "io/simulated_disk.h"
#include "ledger/ledger_core.h"
#include "ledger/note_signer.h"
#include "ledger/testing.h"
#include "wire/sha256.h"

namespace beleg::ledger {
namespace {

constexpr const char* kRestoredDir = "/restored-log";

// A mirror in memory.
MirroredLog MirrorOf(const std::vector<std::string>& leaves) {
  const auto root_at = [leaves](uint64_t size) {
    TreeEdge edge;
    std::vector<TileFile> full;
    for (uint64_t i = 0; i < size; ++i) edge.Append(wire::MerkleLeafHash(leaves[i]), full);
    return edge.Root();
  };
  MirroredLog mirror;
  mirror.size = leaves.size();
  mirror.root = root_at(leaves.size());
  mirror.check_beginning = [root_at](uint64_t size, const Hash32& root) -> Result<void> {
    if (root_at(size) == root) return {};
    return Fail(ErrorCode::kDataLoss, "another root");
  };
  mirror.leaf_hash = [leaves](uint64_t index) -> Result<Hash32> {
    return wire::MerkleLeafHash(leaves[index]);
  };
  mirror.leaves = [leaves](uint64_t first, uint64_t count) -> Result<std::vector<std::string>> {
    return std::vector<std::string>(leaves.begin() + static_cast<ptrdiff_t>(first),
                                    leaves.begin() + static_cast<ptrdiff_t>(first + count));
  };
  return mirror;
}

// The life of a log whose folder was copied in the middle: the copy has two open requests, one of which ended later.
struct History {
  io::TempFolder temp;
  std::string copy = temp / "copy", log = temp / "log";
  std::vector<std::string> leaves;  // as the mirror has them
  uint64_t copied = 0;              // leaves in the copy

  explicit History(uint64_t later = 700) {
    auto ledger = OpenTestLedger(TestOptions(log));
    EXPECT_TRUE(ledger->BeginBoot(TestBoot(), TestBootBody()));
    AppendMany(*ledger, "leaf", 300);
    for (uint64_t seq : {1, 2}) EXPECT_TRUE(BeginAndWait(*ledger, TestBegin(seq)));
    EXPECT_TRUE(ledger->CheckpointAtLeast(300, kLong));
    copied = ledger->durable_size();
    io::CopyFolder(log, copy);
    AppendMany(*ledger, "later leaf", later);
    EXPECT_TRUE(FinishAndWait(*ledger, 1, TestEnd(1)));
    leaves = AllLeaves(*ledger);
  }
  static void AppendMany(Ledger& ledger, std::string_view what, uint64_t count) {
    const uint64_t size = ledger.durable_size() + count;
    for (uint64_t i = 0; i < count; ++i)
      ledger.Append(fmt::format("{} {}", what, i),
                    [](const Result<FinishReceipt>& done) { EXPECT_TRUE(done); });
    EXPECT_GE(ledger.WaitForSize(size, kLong), size);
  }
  // The key's line.
  std::string Key() const {
    std::string line = io::ReadFile(io::PosixFileSystem(), log + "/key").value();
    line.pop_back();
    return line;
  }
};

uint64_t CountRecords(Ledger& ledger, const RequestId& id) {
  uint64_t count = 0;
  for (const std::string& leaf : AllLeaves(ledger)) count += RequestIdOf(leaf) == id;
  return count;
}

TEST(Restore, AnOldCopyGoesOnWhereItsMirrorIs) {
  History history;
  auto done = Restore(TestOptions(history.copy), "", MirrorOf(history.leaves));
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->size_before, history.copied);
  EXPECT_EQ(done->size_after, history.leaves.size());

  auto ledger = OpenTestLedger(TestOptions(history.copy));
  ASSERT_TRUE(ledger);
  EXPECT_EQ(AllLeaves(*ledger), history.leaves);
  EXPECT_EQ(ledger->BeginBoot(TestBoot(2), TestBootBody()), history.leaves.size());
  EXPECT_EQ(CountRecords(*ledger, TestBegin(1).request_id), 1u)
      << "it has its record: it is not lost as well";
  EXPECT_EQ(CountRecords(*ledger, TestBegin(2).request_id), 1u) << "nobody has seen its end: it is lost";
  const auto told = record::Decode(AllLeaves(*ledger)[history.leaves.size() + 1]);
  ASSERT_TRUE(told);
  const auto* config = std::get_if<record::Config>(&told->body);
  ASSERT_NE(config, nullptr) << "the boot says that the log was restored";
  EXPECT_EQ(config->settings.at("restored_from_size"), std::to_string(history.copied));
}

TEST(Restore, IsToldByOneBoot) {
  History history;
  ASSERT_TRUE(Restore(TestOptions(history.copy), "", MirrorOf(history.leaves)));
  for (uint8_t boot : {2, 3}) {
    auto ledger = OpenTestLedger(TestOptions(history.copy));
    ASSERT_TRUE(ledger->BeginBoot(TestBoot(boot), TestBootBody()));
  }
  auto ledger = OpenTestLedger(TestOptions(history.copy));
  uint64_t told = 0;
  for (const std::string& leaf : AllLeaves(*ledger)) told += leaf.find("restored_from_size") != leaf.npos;
  EXPECT_EQ(told, 1u);
}

TEST(Restore, AKeyAloneBringsTheWholeLogBack) {
  History history;
  const std::string dir = history.temp / "new";
  auto done = Restore(TestOptions(dir), history.Key(), MirrorOf(history.leaves));
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->size_before, 0u);
  auto ledger = OpenTestLedger(TestOptions(dir));
  ASSERT_TRUE(ledger);
  EXPECT_EQ(AllLeaves(*ledger), history.leaves);
  EXPECT_EQ(ledger->FindRequest(TestBegin(1).request_id), history.leaves.size() - 1);
}

TEST(Restore, ALogThatIsAheadOfItsMirrorStaysAsItIs) {
  History history;
  std::vector<std::string> fewer(history.leaves.begin(), history.leaves.begin() + 100);
  auto done = Restore(TestOptions(history.copy), "", MirrorOf(fewer));
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->size_after, history.copied);
  EXPECT_FALSE(done->changed);
}

TEST(Restore, WhatWasBegunIsNotEndedByASmallerMirror) {
  History history;
  MirroredLog broken = MirrorOf(history.leaves);
  const auto leaves = broken.leaves;
  broken.leaves = [leaves](uint64_t first, uint64_t count) -> Result<std::vector<std::string>> {
    if (first < 600) return leaves(first, count);
    return Fail(ErrorCode::kUnavailable, "gone");
  };
  EXPECT_EQ(Restore(TestOptions(history.copy), "", broken).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(Ledger::Open(TestOptions(history.copy)).error().code, ErrorCode::kFailedPrecondition)
      << "nothing but a restore opens it";
  const std::vector<std::string> fewer(history.leaves.begin(), history.leaves.begin() + 650);
  for (int tries = 0; tries < 2; ++tries)
    EXPECT_EQ(Restore(TestOptions(history.copy), "", MirrorOf(fewer)).error().code,
              ErrorCode::kFailedPrecondition);
  auto done = Restore(TestOptions(history.copy), "", MirrorOf(history.leaves));
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(done->changed);
}

TEST(Restore, AMirrorThatGivesNoLeavesIsDataLoss) {
  History history(10);
  MirroredLog empty = MirrorOf(history.leaves);
  empty.leaves = [](uint64_t, uint64_t) -> Result<std::vector<std::string>> {
    return std::vector<std::string>();
  };
  EXPECT_EQ(Restore(TestOptions(history.copy), "", empty).error().code, ErrorCode::kDataLoss);
}

TEST(Restore, AFullDiskTakesNoRecordBeforeItsTurn) {
  History history;
  io::FaultFileSystem disk([](io::FaultPoint, const std::string&) { return Result<void>(); });
  ManualClock clock;
  LedgerOptions options = TestOptions(history.copy);
  options.fs = &disk;
  options.clock = &clock;
  options.free_bytes_min = 1'000'000;
  MirroredLog mirror = MirrorOf(history.leaves);
  const auto leaves = mirror.leaves;
  // The last leaf ends a request that is open in the copy: its room is kept, that of the leaves before it is not.
  mirror.leaves = [&](uint64_t first, uint64_t count) {
    disk.free_bytes = first + count == history.leaves.size() ? 0 : -1;
    clock.AdvanceMicros(1'000'000);
    return leaves(first, count);
  };
  EXPECT_EQ(Restore(options, "", mirror).error().code, ErrorCode::kResourceExhausted);
  disk.free_bytes = -1;
  auto done = Restore(options, "", MirrorOf(history.leaves));
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(AllLeaves(*OpenTestLedger(TestOptions(history.copy))), history.leaves);
}

TEST(Restore, ACopyThatWasWrittenToIsRefusedAndUnchanged) {
  History history;
  {
    auto forked = OpenTestLedger(TestOptions(history.copy));
    ASSERT_TRUE(forked->AppendAndWait("another future"));
  }
  auto done = Restore(TestOptions(history.copy), "", MirrorOf(history.leaves));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(done.error().message.find(fmt::format("from leaf {} on", history.copied)), std::string::npos);
  EXPECT_EQ(OpenTestLedger(TestOptions(history.copy))->durable_size(), history.copied + 1);
}

TEST(Restore, AnotherKeyInTheFolderIsRefused) {
  History history, other;
  auto done =
      Restore(TestOptions(history.copy), NoteSigner::Make("example.org/test", Hash32{})->get()->PrivateKey(),
              MirrorOf(history.leaves));
  EXPECT_EQ(done.error().code, ErrorCode::kAlreadyExists);
}

// What the real disk's folder holds, on a simulated one.
void CopyOnto(io::SimulatedDisk& disk, const std::string& from, const std::string& to) {
  ASSERT_TRUE(io::MakeFoldersDurably(disk, to));
  const auto names = io::PosixFileSystem().List(from);
  ASSERT_TRUE(names);
  for (const std::string& name : *names) {
    const std::string path = from + "/" + name;
    if (io::PosixFileSystem().List(path)) {
      CopyOnto(disk, path, to + "/" + name);
    } else if (name != "LOCK") {
      ASSERT_TRUE(
          io::WriteFileDurably(disk, to + "/" + name, io::ReadFile(io::PosixFileSystem(), path).value()));
    }
  }
}

// Dies at its n-th call, again and again, until a restore is done without dying.
void RestoreDyingAt(const History& history, uint64_t seed, bool with_key_alone) {
  io::SimulatedDisk disk(seed);
  SeededRng rng(seed);
  if (!with_key_alone) CopyOnto(disk, history.copy, kRestoredDir);
  LedgerOptions options = TestOptions(kRestoredDir);
  options.fs = &disk;
  options.rng = &rng;
  const std::string key = with_key_alone ? history.Key() : "";
  const MirroredLog mirror = MirrorOf(history.leaves);
  uint64_t allowed = 1 + rng.Next() % 20;
  bool done = false;
  for (int tries = 0; !done; ++tries) {
    ASSERT_LT(tries, 60) << "no restore ends, seed " << seed;
    disk.SetFault(io::FailsFrom(disk.calls() + allowed));
    done = Restore(options, key, mirror).has_value();
    disk.SetFault({});
    if (rng.Next() % 2 == 0)
      disk.Kill();
    else
      disk.CutPower();
    const bool has_key = disk.Exists(std::string(kRestoredDir) + "/key").value();
    if (!done && has_key && rng.Next() % 2 == 0) {  // a start of serve in the middle
      auto opened = LedgerCore::Open(options);
      if (opened && with_key_alone) {
        ASSERT_EQ((*opened)->durable_size(), history.leaves.size()) << "opened as a new log, seed " << seed;
      }
    }
    allowed += 1 + rng.Next() % (allowed + 1);
  }
  auto core = LedgerCore::Open(options);
  ASSERT_TRUE(core) << core.error().message;
  ASSERT_EQ((*core)->durable_size(), history.leaves.size()) << "seed " << seed;
  EXPECT_EQ((*core)->published()->root, mirror.root) << "seed " << seed;
  auto boot = (*core)->BootOps(TestBoot(9), TestBootBody()).value();
  ASSERT_TRUE((*core)->Commit(boot));
  const uint64_t want =
      history.leaves.size() + (with_key_alone ? 2 : 3);  // boot, restored, and seq 2 of the copy as lost
  EXPECT_EQ((*core)->durable_size(), want) << "seed " << seed;
}

TEST(Restore, DyingAtAnyCallAndRunningAgainGivesTheSameLog) {
  SetLogLevel("off");
  const History history(300);
  for (uint64_t seed = 1; seed <= 40 && !testing::Test::HasFailure(); ++seed)
    RestoreDyingAt(history, seed, seed % 2 == 0);
  SetLogLevel("info");
}

}  // namespace
}  // namespace beleg::ledger
