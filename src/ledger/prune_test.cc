// A log whose oldest entries are removed, and what it answers then.
#include "ledger/prune.h"

#include "base/log.h"
#include "io/simulated_disk.h"
#include "ledger/cursor.h"
#include "ledger/testing.h"
#include "ledger/tree_edge.h"
#include "ledger/visit.h"
#include "wire/sha256.h"

namespace beleg::ledger {
namespace {

class PruneTest : public testing::Test {
 protected:
  PruneTest() {
    auto ledger = OpenTestLedger(Options());
    EXPECT_TRUE(ledger->BeginBoot(TestBoot(), TestBootBody()));
    EXPECT_TRUE(BeginAndWait(*ledger, TestBegin(1)));
    EXPECT_TRUE(FinishAndWait(*ledger, 1, TestEnd(1)));
    for (int i = 0; i < 1200; ++i) ledger->Append(ShutdownLeaf(), [](const Result<FinishReceipt>&) {});
    EXPECT_GE(ledger->WaitForSize(1203, kLong), 1203u);
    EXPECT_TRUE(ledger->CheckpointAtLeast(1203, kLong));
    leaves_ = AllLeaves(*ledger);
  }
  LedgerOptions Options() { return TestOptions(temp_ / "log"); }
  Hash32 RootAt(uint64_t size) {
    TreeEdge edge;
    std::vector<TileFile> full;
    for (uint64_t i = 0; i < size; ++i) edge.Append(wire::MerkleLeafHash(leaves_[i]), full);
    return edge.Root();
  }
  PruneRequest Before(uint64_t index, uint64_t covered = 1203) {
    PruneRequest request;
    request.before_index = index;
    request.covered_size = covered;
    request.covered_root = RootAt(covered);
    return request;
  }

  io::TempFolder temp_;
  std::vector<std::string> leaves_;
};

TEST_F(PruneTest, WholeBundlesGoAndTheRestStays) {
  auto pruned = Prune(Options(), Before(600), {"1"});
  ASSERT_TRUE(pruned) << pruned.error().message;
  EXPECT_EQ(pruned->after, 512u);
  EXPECT_GT(pruned->bytes, 0);
  auto ledger = OpenTestLedger(Options());
  EXPECT_EQ(ledger->Read(511, 1, SIZE_MAX).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ledger->Read(512, 1, SIZE_MAX)->at(0).bytes, leaves_[512]);
  EXPECT_EQ(ledger->ReadResource("tile/entries/001").error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(ledger->ReadResource("tile/entries/002"));
  EXPECT_TRUE(ledger->ReadResource("tile/0/000")) << "hash tiles stay";
  EXPECT_TRUE(ledger->Proof(7)) << "proofs of what went are made as before";
  EXPECT_TRUE(ledger->BeginBoot(TestBoot(2), TestBootBody()));
}

TEST_F(PruneTest, WhatIsOnHoldStaysWithAllThatFollows) {
  PruneRequest request = Before(1024);
  request.held = {{"case-17", 600, 700}, {"case-18", 1100}, {"case-19", 900, 901}};
  auto pruned = Prune(Options(), request, {"1"});
  ASSERT_TRUE(pruned) << pruned.error().message;
  EXPECT_EQ(pruned->after, 512u);
  EXPECT_NE(pruned->limited_by.find("case-17"), std::string::npos) << pruned->limited_by;
  EXPECT_EQ(OpenTestLedger(Options())->Read(600, 1, SIZE_MAX)->at(0).bytes, leaves_[600]);
  request.held = {{"case-16", 0, 300}, {"case-20", 1024}};
  EXPECT_EQ(Prune(Options(), request, {"1"})->after, 1024u) << "gone before it was held, and not touched";
}

TEST_F(PruneTest, AHoldOfTheOldestLeavesNothingToPrune) {
  PruneRequest request = Before(1024);
  request.held = {{"all", 0}};
  auto pruned = Prune(Options(), request, {"1"});
  ASSERT_TRUE(pruned);
  EXPECT_EQ(pruned->after, 0u);
  EXPECT_EQ(OpenTestLedger(Options())->durable_size(), leaves_.size()) << "what is refused leaves no trace";
}

TEST_F(PruneTest, ItsRecordIsInTheLog) {
  ASSERT_TRUE(Prune(Options(), Before(512), {"1"}));
  auto ledger = OpenTestLedger(Options());
  auto leaves = ledger->Read(leaves_.size(), 100, SIZE_MAX);
  ASSERT_TRUE(leaves);
  const record::Prune* found = nullptr;
  std::vector<record::AuditRecord> records;
  for (const Leaf& leaf : *leaves) records.push_back(record::Decode(leaf.bytes).value());
  EXPECT_EQ(std::get<record::Config>(records.at(1).body).settings,
            (std::map<std::string, std::string>{{"command", "prune"}, {"holds", "not asked"}}));
  for (const auto& record : records)
    if (const auto* prune = std::get_if<record::Prune>(&record.body)) found = prune;
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->origin, "example.org/test");
  EXPECT_EQ(found->first_index, 0u);
  EXPECT_EQ(found->end_index, 512u);
}

TEST_F(PruneTest, ARecordThatWentIsSaidToBePruned) {
  ASSERT_TRUE(Prune(Options(), Before(512), {"1"}));
  auto ledger = OpenTestLedger(Options());
  const auto found = ledger->FindRequest(TestBegin(1).request_id);
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("pruned"), std::string::npos);
}

TEST_F(PruneTest, NothingGoesThatTheMirrorDoesNotCover) {
  auto pruned = Prune(Options(), Before(1000, 300), {"1"});
  ASSERT_TRUE(pruned) << pruned.error().message;
  EXPECT_EQ(pruned->after, 256u);
  EXPECT_NE(pruned->limited_by, "");
}

TEST_F(PruneTest, NothingGoesThatAReaderHasNotSeen) {
  ASSERT_TRUE(Cursor::Open(io::PosixFileSystem(), temp_ / "log", "otlp").value()->Advance(300));
  auto pruned = Prune(Options(), Before(1000), {"1"});
  ASSERT_TRUE(pruned) << pruned.error().message;
  EXPECT_EQ(pruned->after, 256u);
  EXPECT_NE(pruned->limited_by.find("otlp"), std::string::npos);
}

TEST_F(PruneTest, AMirrorOfAnotherHistoryIsRefused) {
  PruneRequest request = Before(512);
  request.covered_root = {};
  EXPECT_EQ(Prune(Options(), request, {"1"}).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(OpenTestLedger(Options())->durable_size(), leaves_.size()) << "and leaves no trace";
}

TEST_F(PruneTest, AMirrorThatDoesNotGiveTheEntriesIsRefused) {
  PruneRequest request = Before(512);
  request.check_copy = [](uint64_t first, uint64_t) -> Result<void> {
    if (first == 0) return {};
    return Fail(ErrorCode::kNotFound, "missing");
  };
  EXPECT_EQ(Prune(Options(), request, {"1"}).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(OpenTestLedger(Options())->Read(0, 1, SIZE_MAX));
}

TEST_F(PruneTest, ByTimeOnlyWhatIsOlder) {
  PruneRequest request = Before(0);
  request.before_us = 1'795'500'003'000'000;  // the time of all but the first records
  auto pruned = Prune(Options(), request, {"1"});
  ASSERT_TRUE(pruned) << pruned.error().message;
  EXPECT_EQ(pruned->after, 0u);
  *request.before_us += 1;
  EXPECT_EQ(Prune(Options(), request, {"1"})->after, 1024u);
}

TEST_F(PruneTest, GoesOnFromWhereItWas) {
  ASSERT_TRUE(Prune(Options(), Before(300), {"1"}));
  auto pruned = Prune(Options(), Before(1024), {"1"});
  ASSERT_TRUE(pruned) << pruned.error().message;
  EXPECT_EQ(pruned->before, 256u);
  EXPECT_EQ(pruned->after, 1024u);
  EXPECT_EQ(Prune(Options(), Before(100), {"1"})->after, 1024u) << "asked for less: nothing comes back";
}

// A prune that dies at its n-th call; whatever comes then, the log opens, and pruning again ends it.
void PruneDyingAt(uint64_t seed) {
  io::SimulatedDisk disk(seed);
  SeededRng rng(seed);
  LedgerOptions options = TestOptions("/pruned-log");
  options.fs = &disk;
  options.rng = &rng;
  PruneRequest request;
  request.before_index = 256;
  std::vector<std::string> kept;
  {
    auto visit = Visit::Open(options, "test", {"1"}).value();
    for (int i = 0; i < 300; ++i) ASSERT_TRUE(visit->Append(record::Shutdown{"signal", {}, 0}));
    ASSERT_TRUE(visit->Close());
    request.covered_size = visit->core().durable_size();
    request.covered_root = visit->core().RootAt(request.covered_size).value();
    auto leaves = visit->core().Read(256, SIZE_MAX, SIZE_MAX).value();
    for (Leaf& leaf : leaves) kept.push_back(std::move(leaf.bytes));
  }
  disk.SetFault(io::FailsFrom(disk.calls() + 1 + rng.Next() % 70));
  std::ignore = Prune(options, request, {"1"});
  disk.SetFault({});
  if (seed % 2 == 0)
    disk.Kill();
  else
    disk.CutPower();
  ASSERT_TRUE(Prune(options, request, {"1"})) << "seed " << seed;
  auto core = LedgerCore::Open(options).value();
  EXPECT_EQ(core->pruned_before(), 256u) << "seed " << seed;
  EXPECT_EQ(core->RootAt(request.covered_size), request.covered_root) << "seed " << seed;
  EXPECT_FALSE(disk.Exists("/pruned-log/public/tile/entries/000").value()) << "seed " << seed;
  auto leaves = core->Read(256, kept.size(), SIZE_MAX).value();
  ASSERT_EQ(leaves.size(), kept.size()) << "seed " << seed;
  for (size_t i = 0; i < kept.size(); ++i) ASSERT_EQ(leaves[i].bytes, kept[i]) << "seed " << seed;
}

TEST(Prune, DyingAtAnyCallAndRunningAgainEndsIt) {
  SetLogLevel("off");
  for (uint64_t seed = 1; seed <= 40 && !testing::Test::HasFailure(); ++seed) PruneDyingAt(seed);
  SetLogLevel("info");
}

}  // namespace
}  // namespace beleg::ledger
