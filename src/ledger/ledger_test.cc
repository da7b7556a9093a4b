#include "ledger/ledger.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "base/thread.h"
#include "ledger/testing.h"
#include "ledger/tree_edge.h"
#include "wire/sha256.h"

namespace beleg::ledger {
namespace {

using std::chrono::milliseconds;

std::string RootLine(const std::vector<std::string>& leaves) {
  TreeEdge edge;
  std::vector<TileFile> full;
  for (const std::string& leaf : leaves) edge.Append(wire::MerkleLeafHash(leaf), full);
  return Base64Encode(AsView(edge.Root()));
}

std::string Line(std::string_view text, int number) {
  while (number-- > 1) text.remove_prefix(text.find('\n') + 1);
  return std::string(text.substr(0, text.find('\n')));
}

// The checkpoint is over exactly these leaves.
void ExpectCheckpoint(Ledger& ledger, const std::vector<std::string>& leaves) {
  ASSERT_TRUE(ledger.CheckpointAtLeast(leaves.size(), kLong));
  const std::string note = ledger.ReadResource("checkpoint")->bytes;
  EXPECT_EQ(Line(note, 1), "example.org/test");
  EXPECT_EQ(Line(note, 2), std::to_string(leaves.size()));
  EXPECT_EQ(Line(note, 3), RootLine(leaves));
}

TEST(Ledger, AppendsAndGivesDenseIndexes) {
  io::TempFolder folder;
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  for (uint64_t i = 0; i < 5; ++i) {
    auto receipt = ledger->AppendAndWait("leaf " + std::to_string(i));
    ASSERT_TRUE(receipt) << receipt.error().message;
    EXPECT_EQ(receipt->index, i);
    EXPECT_EQ(receipt->leaf_hash, wire::MerkleLeafHash("leaf " + std::to_string(i)));
  }
  EXPECT_EQ(ledger->durable_size(), 5u);
  EXPECT_EQ(AllLeaves(*ledger).back(), "leaf 4");
}

TEST(Ledger, PublishesTheKnownRootAndBundle) {  // facts of C2SP, as in tree_edge_test
  io::TempFolder folder;
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  for (const char* leaf : {"a", "b", "c"}) ASSERT_TRUE(ledger->AppendAndWait(leaf));
  ASSERT_TRUE(ledger->CheckpointAtLeast(3, kLong));
  EXPECT_EQ(Line(ledger->ReadResource("checkpoint")->bytes, 3),
            "NmQuc8JUCrEh46a/lUWwokmCzYMOsT080Z3jzmwCHsE=");
  auto bundle = ledger->ReadResource("tile/entries/000.p/3");
  ASSERT_TRUE(bundle) << bundle.error().message;
  EXPECT_EQ(HexEncode(bundle->bytes), "000161000162000163");
  EXPECT_EQ(bundle->content_type, "application/octet-stream");
  EXPECT_EQ(ledger->ReadResource("tile/0/000.p/3")->bytes.size(), 96u);
  EXPECT_EQ(ledger->ReadResource("tile/0/000").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ledger->ReadResource("../key").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(io::ReadFile(io::PosixFileSystem(), folder / "log/public/checkpoint").value(),
            ledger->ReadResource("checkpoint")->bytes);
}

TEST(Ledger, AnEmptyLogHasACheckpoint) {
  io::TempFolder folder;
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  ExpectCheckpoint(*ledger, {});
}

TEST(Ledger, TheKeyIsForTheOwnerAlone) {
  io::TempFolder folder;
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  struct stat info;
  ASSERT_EQ(::stat((folder / "log/key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(Ledger, KeepsItsNamesOverARestart) {
  io::TempFolder folder;
  LedgerOptions options = TestOptions(folder / "log");
  options.origin = "";
  auto ledger = OpenTestLedger(options);
  const std::string origin = ledger->origin(), vkey = ledger->vkey(), host = ledger->host();
  EXPECT_TRUE(origin.starts_with("beleg-") && origin.size() == 22) << origin;
  ledger.reset();
  ledger = OpenTestLedger(options);
  EXPECT_EQ(ledger->origin(), origin);
  EXPECT_EQ(ledger->vkey(), vkey);
  EXPECT_EQ(ledger->host(), host);
}

TEST(Ledger, RefusesAnotherOrigin) {
  io::TempFolder folder;
  OpenTestLedger(TestOptions(folder / "log"));
  LedgerOptions options = TestOptions(folder / "log");
  options.origin = "example.org/other";
  EXPECT_EQ(Ledger::Open(options).error().code, ErrorCode::kFailedPrecondition);
}

TEST(Ledger, RefusesALogWithoutItsKey) {
  io::TempFolder folder;
  OpenTestLedger(TestOptions(folder / "log"));
  ASSERT_TRUE(io::PosixFileSystem().Remove(folder / "log/key"));
  EXPECT_EQ(Ledger::Open(TestOptions(folder / "log")).error().code, ErrorCode::kDataLoss);
}

TEST(Ledger, RefusesASecondWriter) {
  io::TempFolder folder;
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  EXPECT_EQ(Ledger::Open(TestOptions(folder / "log")).error().code, ErrorCode::kFailedPrecondition);
}

TEST(Ledger, RefusesLeavesOfTheWrongSize) {
  io::TempFolder folder;
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  EXPECT_EQ(ledger->AppendAndWait("").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ledger->AppendAndWait(std::string(65'536, 'x')).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(ledger->AppendAndWait(std::string(65'535, 'x')));
}

TEST(Ledger, CountsWhatItDoes) {
  io::TempFolder folder;
  MetricRegistry metrics;
  LedgerOptions options = TestOptions(folder / "log");
  options.metrics = &metrics;
  auto ledger = OpenTestLedger(options);
  ASSERT_TRUE(ledger->BeginBoot(TestBoot(), TestBootBody()));
  for (uint64_t seq : {1, 2, 3}) ASSERT_TRUE(BeginAndWait(*ledger, TestBegin(seq)));
  ASSERT_TRUE(FinishAndWait(*ledger, 2, TestEnd(2)));
  ASSERT_TRUE(ledger->CheckpointAtLeast(3, kLong));
  ledger->Close();
  const std::string text = metrics.RenderPrometheus();
  for (const char* line :
       {"beleg_ledger_leaves_total 3\n", "beleg_ledger_open_requests 2\n", "beleg_ledger_size 3\n",
        "beleg_ledger_published_size 3\n", "beleg_ledger_refused_total 0\n",
        "beleg_ledger_fsync_seconds_count 5\n", "beleg_ledger_wal_bytes 1048576\n"})
    EXPECT_NE(text.find(line), text.npos) << line << text;
}

TEST(Ledger, AfterCloseNothingIsTaken) {
  io::TempFolder folder;
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  ASSERT_TRUE(ledger->AppendAndWait("a"));
  ledger->Close();
  ledger->Close();
  EXPECT_EQ(ledger->AppendAndWait("b").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(ledger->Health().error().code, ErrorCode::kUnavailable);
  ExpectCheckpoint(*ledger, {"a"});  // Close published it
}

TEST(Ledger, ALeafSurvivesARestart) {
  io::TempFolder folder;
  std::vector<std::string> want;
  for (int round = 0; round < 4; ++round) {
    auto ledger = OpenTestLedger(TestOptions(folder / "log"));
    EXPECT_EQ(AllLeaves(*ledger), want);
    for (int i = 0; i < 100; ++i) {
      want.push_back(fmt::format("round {} leaf {}", round, i));
      ASSERT_EQ(ledger->AppendAndWait(want.back())->index, want.size() - 1);
    }
    ExpectCheckpoint(*ledger, want);
  }
}

TEST(Ledger, GroupsKeepTheOrderOfEachCaller) {
  io::TempFolder folder;
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  constexpr int kThreads = 8, kLeaves = 250;
  Mutex mutex;
  std::set<uint64_t> indexes;
  {
    std::vector<Thread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back(fmt::format("caller-{}", t), [&, t](std::stop_token) {
        uint64_t last = 0;
        for (int i = 0; i < kLeaves; ++i) {
          auto receipt = ledger->AppendAndWait(fmt::format("{} {:05}", t, i));
          ASSERT_TRUE(receipt);
          EXPECT_TRUE(i == 0 || receipt->index > last);
          last = receipt->index;
          MutexLock lock(mutex);
          indexes.insert(receipt->index);
        }
      });
  }
  EXPECT_EQ(indexes.size(), static_cast<size_t>(kThreads * kLeaves));
  EXPECT_EQ(*indexes.rbegin(), static_cast<uint64_t>(kThreads * kLeaves - 1));
  const auto leaves = AllLeaves(*ledger);
  for (int t = 0; t < kThreads; ++t) {
    std::vector<std::string> own;
    for (const std::string& leaf : leaves)
      if (leaf[0] == '0' + t) own.push_back(leaf);
    EXPECT_TRUE(std::ranges::is_sorted(own));
    EXPECT_EQ(own.size(), static_cast<size_t>(kLeaves));
  }
  ExpectCheckpoint(*ledger, leaves);
}

TEST(Ledger, CallbacksComeInOrder) {
  io::TempFolder folder;
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  std::vector<uint64_t> order;  // written by the ledger's thread alone
  for (int i = 0; i < 500; ++i)
    ledger->Append("leaf", [&](Result<FinishReceipt> receipt) { order.push_back(receipt->index); });
  ledger->Close();
  EXPECT_EQ(order.size(), 500u);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(Ledger, ReadIsCutByCountAndBytes) {
  io::TempFolder folder;
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  for (int i = 0; i < 600; ++i) ledger->Append(std::string(100, 'x'), {});
  ASSERT_EQ(ledger->WaitForSize(600, kLong), 600u);
  ASSERT_TRUE(ledger->CheckpointAtLeast(600, kLong));
  EXPECT_EQ(ledger->Read(0, 600, 1 << 20)->size(), 600u);
  EXPECT_EQ(ledger->Read(250, 10, 1 << 20)->size(), 10u);  // over the end of a bundle
  EXPECT_EQ(ledger->Read(0, 600, 1000)->size(), 10u);
  EXPECT_EQ(ledger->Read(0, 600, 1)->size(), 1u);
  EXPECT_EQ(ledger->Read(600, 10, 1000)->size(), 0u);
}

TEST(Ledger, WaitForSizeGivesUp) {
  io::TempFolder folder;
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  EXPECT_EQ(ledger->WaitForSize(1, milliseconds(1)), 0u);
  EXPECT_EQ(ledger->CheckpointAtLeast(1, milliseconds(1)).error().code, ErrorCode::kDeadlineExceeded);
}

TEST(Ledger, AReceiptIsGivenAgain) {
  io::TempFolder temp;
  auto ledger = OpenTestLedger(TestOptions(temp / "log"));
  ASSERT_TRUE(ledger->BeginBoot(TestBoot(), TestBootBody()));
  ASSERT_TRUE(BeginAndWait(*ledger, TestBegin(1)));
  auto first = FinishAndWait(*ledger, 1, TestEnd(1));
  ASSERT_TRUE(first);
  auto again = ledger->ReceiptOf(first->index);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->leaf_hash, first->leaf_hash);
  EXPECT_EQ(again->header, first->header);  // that one was alone in its group, too
  EXPECT_EQ(ledger->ReceiptOf(ledger->durable_size()).error().code, ErrorCode::kNotFound);
}

TEST(Ledger, ProofsLeadToTheCheckpointsRoot) {
  io::TempFolder folder;
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  std::vector<std::string> leaves;
  for (int i = 0; i < 700; ++i) {
    leaves.push_back(fmt::format("leaf {}", i));
    ledger->Append(leaves.back(), {});
  }
  ExpectCheckpoint(*ledger, leaves);
  for (uint64_t index : {0, 1, 255, 256, 511, 512, 698, 699}) {
    auto proof = ledger->Proof(index);
    ASSERT_TRUE(proof) << proof.error().message;  // it was checked against the root before it was given
    EXPECT_EQ(Line(*proof, 1), "c2sp.org/tlog-proof@v1");
    EXPECT_EQ(Line(*proof, 2), fmt::format("index {}", index));
    EXPECT_TRUE(proof->ends_with(ledger->ReadResource("checkpoint")->bytes));
  }
  EXPECT_EQ(ledger->Proof(700).error().code, ErrorCode::kNotFound);
}

TEST(Ledger, ADamagedTileOrBundleIsNoticed) {
  io::TempFolder folder;
  const LedgerOptions options = TestOptions(folder / "log");
  {
    auto ledger = OpenTestLedger(options);
    for (int i = 0; i < 600; ++i) ledger->Append(fmt::format("leaf {}", i), {});
    ASSERT_TRUE(ledger->WaitForSize(600, kLong));
  }
  const auto flip = [&](const std::string& path) {
    auto file = io::PosixFileSystem().Open(folder / ("log/public/" + path), io::OpenMode::kReadWrite).value();
    const std::string byte = file->ReadAt(20, 1).value();
    ASSERT_TRUE(file->WriteAt(20, std::string(1, static_cast<char>(byte[0] ^ 1))));
  };
  flip("tile/entries/000");
  flip("tile/0/001");
  {
    auto ledger = OpenTestLedger(options);
    EXPECT_EQ(ledger->Read(3, 1, 1000).error().code, ErrorCode::kDataLoss);
    EXPECT_EQ(ledger->Read(300, 1, 1000).error().code, ErrorCode::kDataLoss);
    EXPECT_TRUE(ledger->Proof(3));
    EXPECT_EQ(ledger->Proof(256).error().code, ErrorCode::kDataLoss);
  }
  flip("tile/0/002.p/88");
  EXPECT_EQ(Ledger::Open(options).error().code, ErrorCode::kDataLoss);
}

TEST(Ledger, PartialFilesGoWhenTheFullOneIsThere) {
  io::TempFolder folder;
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  for (int i = 0; i < 255; ++i) ledger->Append("x", {});
  ASSERT_TRUE(ledger->CheckpointAtLeast(255, kLong));
  EXPECT_TRUE(ledger->ReadResource("tile/0/000.p/255"));
  ASSERT_TRUE(ledger->AppendAndWait("x"));
  ASSERT_TRUE(ledger->CheckpointAtLeast(256, kLong));
  ledger->Close();
  EXPECT_TRUE(ledger->ReadResource("tile/0/000"));
  EXPECT_EQ(ledger->ReadResource("tile/0/000.p/255").error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(io::PosixFileSystem().Exists(folder / "log/public/tile/entries/000.p").value());
}

TEST(Ledger, EveryCheckpointHasItsPartialTiles) {
  io::TempFolder folder;
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  // The same leaf again and again: the new partial tile then has the bytes of the one before.
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < (round == 0 ? 10 : 256); ++i) ledger->Append("x", {});
    const uint64_t size = 10 + 256 * static_cast<uint64_t>(round);
    ASSERT_EQ(ledger->WaitForSize(size, kLong), size);
    ASSERT_TRUE(ledger->CheckpointAtLeast(size, kLong));
    for (int level : {kEntriesLevel, 0})
      EXPECT_TRUE(ledger->ReadResource(TilePath({level, size / 256, 10})))
          << "round " << round << " level " << level;
  }
}

TEST(Ledger, TheWriteAheadLogStaysSmall) {
  io::TempFolder folder;
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  ASSERT_TRUE(ledger->BeginBoot(TestBoot(), TestBootBody()));
  ASSERT_TRUE(BeginAndWait(*ledger, TestBegin(1)));  // stays open over many segments
  for (int i = 0; i < 100; ++i)
    for (int k = 0; k < 10; ++k) ledger->Append(std::string(5000, 'x'), {});
  ASSERT_EQ(ledger->WaitForSize(1002, kLong), 1002u);
  ASSERT_TRUE(ledger->CheckpointAtLeast(1002, kLong));
  // 5 MB went through segments of 512 KiB: the publisher removes them once their begin is copied forward.
  const auto segments = [&] { return io::PosixFileSystem().List(folder / "log/wal")->size(); };
  for (int i = 0; i < 100 && segments() > 4; ++i) {
    ASSERT_TRUE(ledger->AppendAndWait("nudge"));
    ASSERT_TRUE(ledger->CheckpointAtLeast(ledger->durable_size(), kLong));
  }
  EXPECT_LE(segments(), 4u);
  ledger.reset();
  ledger = OpenTestLedger(TestOptions(folder / "log"));
  ASSERT_TRUE(ledger->BeginBoot(TestBoot(2), TestBootBody()));
  EXPECT_EQ(ledger->FindRequest(TestBegin(1).request_id), ledger->durable_size() - 1) << "the begin was lost";
}

}  // namespace
}  // namespace beleg::ledger
