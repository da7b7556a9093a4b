// What a ledger is after its process ended in any way.
#include <algorithm>
#include <atomic>

#include "base/thread.h"
#include "ledger/request_index.h"
#include "ledger/testing.h"
#include "ledger/wal.h"
#include "wire/sha256.h"

namespace beleg::ledger {
namespace {

using std::chrono::milliseconds;

// Every record of the log, decoded.
std::vector<record::AuditRecord> AllRecords(Ledger& ledger) {
  std::vector<record::AuditRecord> out;
  for (const std::string& leaf : AllLeaves(ledger)) {
    auto record = record::Decode(leaf);
    EXPECT_TRUE(record) << record.error().message;
    if (record) out.push_back(std::move(*record));
  }
  return out;
}

template <class Body>
std::vector<Body> BodiesOf(Ledger& ledger) {
  std::vector<Body> out;
  for (const record::AuditRecord& record : AllRecords(ledger))
    if (const Body* body = std::get_if<Body>(&record.body)) out.push_back(*body);
  return out;
}

TEST(Recovery, TheFirstBootBringsTheKey) {
  io::TempFolder folder;
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  EXPECT_EQ(ledger->BeginBoot(TestBoot(), TestBootBody()), 0u);
  auto boots = BodiesOf<record::Boot>(*ledger);
  ASSERT_EQ(boots.size(), 1u);
  EXPECT_EQ(boots[0].previous_boot, std::nullopt);
  EXPECT_FALSE(boots[0].previous_clean);
  EXPECT_EQ(boots[0].lost_requests, 0);
  auto keys = BodiesOf<record::Key>(*ledger);
  ASSERT_EQ(keys.size(), 1u);
  EXPECT_EQ(keys[0].vkey, ledger->vkey());
  EXPECT_EQ(keys[0].reason, "inception");
  EXPECT_EQ(ledger->durable_size(), 2u);
}

TEST(Recovery, ABootKnowsHowTheFormerOneEnded) {
  io::TempFolder folder;
  {
    auto ledger = OpenTestLedger(TestOptions(folder / "log"));
    ASSERT_TRUE(ledger->BeginBoot(TestBoot(1), TestBootBody()));
    ASSERT_TRUE(ledger->AppendAndWait(ShutdownLeaf(TestBoot(1))));
  }
  {
    auto ledger = OpenTestLedger(TestOptions(folder / "log"));
    EXPECT_EQ(ledger->BeginBoot(TestBoot(2), TestBootBody()), 3u);
  }
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  ASSERT_TRUE(ledger->BeginBoot(TestBoot(3), TestBootBody()));
  auto boots = BodiesOf<record::Boot>(*ledger);
  ASSERT_EQ(boots.size(), 3u);
  EXPECT_EQ(boots[1].previous_boot, TestBoot(1));
  EXPECT_TRUE(boots[1].previous_clean);
  EXPECT_EQ(boots[2].previous_boot, TestBoot(2));
  EXPECT_FALSE(boots[2].previous_clean);
  EXPECT_EQ(BodiesOf<record::Key>(*ledger).size(), 1u);
}

TEST(Recovery, ABeginWithoutEndBecomesOneLostRecord) {
  io::TempFolder folder;
  {
    auto ledger = OpenTestLedger(TestOptions(folder / "log"));
    ASSERT_TRUE(ledger->BeginBoot(TestBoot(1), TestBootBody()));
    for (uint64_t seq = 1; seq <= 3; ++seq) ASSERT_TRUE(BeginAndWait(*ledger, TestBegin(seq)));
    ASSERT_TRUE(FinishAndWait(*ledger, 2, TestEnd(2)));
  }
  for (uint8_t boot = 2; boot <= 4; ++boot) {
    auto ledger = OpenTestLedger(TestOptions(folder / "log"));
    ASSERT_TRUE(ledger->BeginBoot(TestBoot(boot), TestBootBody()));
    auto lost = BodiesOf<record::Lost>(*ledger);
    ASSERT_EQ(lost.size(), 2u) << "boot " << int{boot};
    EXPECT_EQ(lost[0].id.seq, 1u);
    EXPECT_EQ(lost[1].id.seq, 3u);
    EXPECT_EQ(lost[0].begun_boot, TestBoot(1));
    EXPECT_EQ(lost[0].start_us, TestBegin(1).start_us);
    EXPECT_EQ(lost[0].id.trace_id, TestBegin(1).id.trace_id);
    auto boots = BodiesOf<record::Boot>(*ledger);
    EXPECT_EQ(boots[1].lost_requests, 2);
    EXPECT_EQ(boots.back().lost_requests, boot == 2 ? 2 : 0);
    EXPECT_EQ(ledger->FindRequest(TestBegin(2).request_id), 2u);
    EXPECT_EQ(ledger->FindRequest(TestBegin(3).request_id), 5u);
  }
}

TEST(Recovery, ACopyTakenAtAnyMomentHasWhatWasAcknowledged) {
  io::TempFolder folder;
  LedgerOptions options = TestOptions(folder / "log");
  options.checkpoint_interval =
      milliseconds(60'000);  // nothing but the write-ahead log is written, so the copy is one moment
  std::vector<std::string> acknowledged;
  for (int copy = 0; copy < 6; ++copy) {
    auto ledger = OpenTestLedger(options);
    for (int i = 0; i < 40; ++i) {
      acknowledged.push_back(fmt::format("leaf {}", acknowledged.size()));
      ASSERT_TRUE(ledger->AppendAndWait(acknowledged.back()));
    }
    io::CopyFolder(folder / "log", folder / fmt::format("copy{}", copy));
    auto again = OpenTestLedger(TestOptions(folder / fmt::format("copy{}", copy)));
    EXPECT_EQ(AllLeaves(*again), acknowledged);
  }
}

TEST(Recovery, ATailCutAtAnyByteLosesOnlyTheLastGroup) {
  io::TempFolder folder;
  LedgerOptions options = TestOptions(folder / "log");
  options.checkpoint_interval = milliseconds(60'000);  // everything stays in the write-ahead log
  {
    auto core_ended = OpenTestLedger(options);
    ASSERT_TRUE(core_ended->AppendAndWait("first"));
    ASSERT_TRUE(core_ended->AppendAndWait("second"));
    io::CopyFolder(folder / "log", folder / "crash");  // before Close publishes
  }
  const std::string wal = folder / "crash/wal/00000001.wal";
  const std::string whole = io::ReadFile(io::PosixFileSystem(), wal).value();
  const size_t used = whole.find_last_not_of('\0') + 1;
  for (size_t cut = used - 1; cut >= kSegmentHeaderBytes + 56; cut -= 7) {
    const std::string dir = folder / fmt::format("cut{}", cut);
    io::CopyFolder(folder / "crash", dir);
    auto file = io::PosixFileSystem().Open(dir + "/wal/00000001.wal", io::OpenMode::kReadWrite).value();
    ASSERT_TRUE(file->Truncate(cut));
    LedgerOptions cut_options = TestOptions(dir);
    auto ledger = OpenTestLedger(cut_options);
    ASSERT_NE(ledger, nullptr) << cut;
    EXPECT_EQ(AllLeaves(*ledger), std::vector<std::string>{"first"}) << cut;
    EXPECT_EQ(ledger->AppendAndWait("third")->index, 1u)
        << "the index of a leaf that was never acknowledged is free";
  }
}

TEST(Recovery, AMissingSegmentIsDataLoss) {
  io::TempFolder folder;
  LedgerOptions options = TestOptions(folder / "log");
  options.checkpoint_interval = milliseconds(60'000);
  {
    auto ledger = OpenTestLedger(options);
    for (int i = 0; i < 30; ++i) ASSERT_TRUE(ledger->AppendAndWait(std::string(60'000, 'x')));
    io::CopyFolder(folder / "log", folder / "crash");
  }
  ASSERT_TRUE(io::PosixFileSystem().Remove(folder / "crash/wal/00000002.wal"));
  EXPECT_EQ(Ledger::Open(TestOptions(folder / "crash")).error().code, ErrorCode::kDataLoss);
}

TEST(Recovery, AnOldWriteAheadLogUnderANewCheckpointIsDataLoss) {
  io::TempFolder folder;
  LedgerOptions options = TestOptions(folder / "log");
  {
    auto ledger = OpenTestLedger(options);
    ASSERT_TRUE(ledger->AppendAndWait("a"));
    io::CopyFolder(folder / "log/wal", folder / "old_wal");
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(ledger->AppendAndWait("b"));
  }
  const std::string old = io::ReadFile(io::PosixFileSystem(), folder / "old_wal/00000001.wal").value();
  const auto names = io::PosixFileSystem().List(folder / "log/wal").value();
  for (const std::string& name : names)
    ASSERT_TRUE(io::PosixFileSystem().Remove(folder / ("log/wal/" + name)));
  auto file = io::PosixFileSystem().Open(folder / "log/wal/00000001.wal", io::OpenMode::kCreate).value();
  ASSERT_TRUE(file->WriteAt(0, old));
  EXPECT_EQ(Ledger::Open(options).error().code, ErrorCode::kDataLoss);
}

TEST(Recovery, AChangedCheckpointIsDataLoss) {
  io::TempFolder folder;
  {
    auto ledger = OpenTestLedger(TestOptions(folder / "log"));
    ASSERT_TRUE(ledger->AppendAndWait("a"));
  }
  auto file = io::PosixFileSystem().Open(folder / "log/public/checkpoint", io::OpenMode::kReadWrite).value();
  ASSERT_TRUE(file->WriteAt(std::string_view("example.org/test\n1\n").size(), "x"));
  EXPECT_EQ(Ledger::Open(TestOptions(folder / "log")).error().code, ErrorCode::kDataLoss);
}

TEST(Recovery, AMissingCheckpointOfALogWithTilesIsDataLoss) {
  io::TempFolder folder;
  {
    auto ledger = OpenTestLedger(TestOptions(folder / "log"));
    ASSERT_TRUE(ledger->AppendAndWait("a"));
  }
  ASSERT_TRUE(io::PosixFileSystem().Remove(folder / "log/public/checkpoint"));
  EXPECT_EQ(Ledger::Open(TestOptions(folder / "log")).error().code, ErrorCode::kDataLoss);
  EXPECT_FALSE(io::PosixFileSystem().Exists(folder / "log/public/checkpoint").value())
      << "no empty tree is signed for a log that is not empty";
}

TEST(Recovery, AMissingLogFileOfALogWithACheckpointIsDataLoss) {
  io::TempFolder folder;
  OpenTestLedger(TestOptions(folder / "log"))->Close();
  ASSERT_TRUE(io::PosixFileSystem().Remove(folder / "log/log.json"));
  EXPECT_EQ(Ledger::Open(TestOptions(folder / "log")).error().code, ErrorCode::kDataLoss);
  EXPECT_FALSE(io::PosixFileSystem().Exists(folder / "log/log.json").value())
      << "it may have named former keys";
}

TEST(RequestIndex, ARequestThatEndsIsNeverUnknown) {
  io::TempFolder folder;
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  ASSERT_TRUE(ledger->BeginBoot(TestBoot(), TestBootBody()));
  constexpr uint64_t kRequests = 3'000;
  for (uint64_t seq = 1; seq < kRequests; ++seq) ledger->Begin(TestBegin(seq), {});
  ASSERT_TRUE(BeginAndWait(*ledger, TestBegin(kRequests)));
  std::atomic<uint64_t> unknown = 0;
  Thread reader("reader", [&](std::stop_token) {
    for (uint64_t seq = 1; seq <= kRequests;) {
      auto found = ledger->FindRequest(TestBegin(seq).request_id);
      unknown += !found && found.error().code != ErrorCode::kUnavailable;
      seq += found || unknown > 0 ? 20 : 0;
    }
  });
  for (uint64_t seq = 1; seq <= kRequests; ++seq) ledger->Finish(seq, TestEnd(seq), {});
  reader.Join();
  EXPECT_EQ(unknown, 0u);
}

TEST(RequestIndex, ADamagedBlockIsMendedByOneAtATime) {
  io::TempFolder folder;
  Mutex mutex;
  CondVar came;
  int writing = 0, writing_max = 0;
  io::FaultFileSystem disk([&](io::FaultPoint point, const std::string&) -> Result<void> {
    MutexLock lock(mutex);
    if (point == io::FaultPoint::kOpen) {
      writing_max = std::max(writing_max, ++writing);
      came.NotifyAll();
      if (writing < 2) came.WaitFor(mutex, milliseconds(100));  // for the other one, if it may come
    }
    if (point == io::FaultPoint::kSyncFolder) --writing;
    return {};
  });
  auto index = RequestIndex::Open(disk, folder.path(), 256).value();
  Thread other("other", [&](std::stop_token) { EXPECT_TRUE(index->MendBlock(0, {})); });
  EXPECT_TRUE(index->MendBlock(0, {}));
  other.Join();
  EXPECT_EQ(writing_max, 1);
}

// Found by the simulation, where one thread plays all.
TEST(RequestIndex, ABlockThatIsMendedKeepsNobodyFromSealingAnother) {
  io::TempFolder folder;
  RequestIndex* sealing = nullptr;
  io::FaultFileSystem disk([&](io::FaultPoint, const std::string&) -> Result<void> {
    if (RequestIndex* index = std::exchange(sealing, nullptr)) return index->Seal(2 * 256);
    return {};
  });
  auto index = RequestIndex::Open(disk, folder.path(), 256).value();
  ASSERT_TRUE(index->WriteBlock(0, {}));
  sealing = index.get();
  EXPECT_TRUE(index->MendBlock(0, {}));
  EXPECT_TRUE(index->MissingBlocks(2 * 256).empty());
}

TEST(RequestIndex, FindsRequestsInEveryBlockAndAfterARestart) {
  io::TempFolder folder;
  constexpr uint64_t kManyRequests = 1'300;  // more than two blocks of 512
  {
    auto ledger = OpenTestLedger(TestOptions(folder / "log"));
    ASSERT_TRUE(ledger->BeginBoot(TestBoot(), TestBootBody()));
    for (uint64_t seq = 1; seq <= kManyRequests; ++seq) ledger->Begin(TestBegin(seq), [](auto) {});
    EXPECT_EQ(ledger->FindRequest(TestBegin(7).request_id).error().code, ErrorCode::kUnavailable)
        << "it runs";
    for (uint64_t seq = 1; seq <= kManyRequests; ++seq) ledger->Finish(seq, TestEnd(seq), {});
    ASSERT_EQ(ledger->WaitForSize(kManyRequests + 2, kLong), kManyRequests + 2);
    ASSERT_TRUE(ledger->CheckpointAtLeast(kManyRequests + 2, kLong));
    for (uint64_t seq : {1ul, 510ul, 511ul, 1'024ul, kManyRequests})
      EXPECT_EQ(ledger->FindRequest(TestBegin(seq).request_id), seq + 1);
    EXPECT_EQ(ledger->FindRequest(TestBegin(kManyRequests + 1).request_id).error().code,
              ErrorCode::kNotFound);
  }
  EXPECT_TRUE(io::PosixFileSystem().Exists(folder / "log/index/00000001.ids").value());
  ASSERT_TRUE(
      io::PosixFileSystem().Remove(folder / "log/index/00000000.ids"));  // made again at the next start
  {
    auto file =
        io::PosixFileSystem().Open(folder / "log/index/00000001.ids", io::OpenMode::kReadWrite).value();
    ASSERT_TRUE(file->WriteAt(file->Size().value() / 2, "damage"));  // made again when it is noticed
  }
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  EXPECT_TRUE(io::PosixFileSystem().Exists(folder / "log/index/00000000.ids").value());
  for (uint64_t seq = 1; seq <= kManyRequests; ++seq)
    ASSERT_EQ(ledger->FindRequest(TestBegin(seq).request_id), seq + 1) << seq;
}

TEST(RequestIndex, FindsARefusedRequestThatNeverBegan) {
  io::TempFolder folder;
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  ASSERT_TRUE(ledger->BeginBoot(TestBoot(), TestBootBody()));
  record::Refused refused;
  refused.id = TestBegin(9).id;
  refused.commitment.items = 1;
  auto receipt = ledger->AppendAndWait(record::Encode({TestBoot(), 1'795'500'000'000'000, refused}));
  ASSERT_TRUE(receipt);
  EXPECT_EQ(ledger->FindRequest(TestBegin(9).request_id), receipt->index);
}

TEST(OpenSet, CountsBegunRequestsUntilTheirEnd) {
  io::TempFolder folder;
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  ASSERT_TRUE(ledger->BeginBoot(TestBoot(), TestBootBody()));
  EXPECT_EQ(ledger->open_set().count, 0);
  EXPECT_EQ(ledger->open_set().digest, Hash32{}) << "as record.md says";
  for (uint64_t seq : {1, 2, 3}) ASSERT_TRUE(BeginAndWait(*ledger, TestBegin(seq)));
  ASSERT_TRUE(FinishAndWait(*ledger, 2, TestEnd(2)));
  const auto open = ledger->open_set();
  EXPECT_EQ(open.count, 2);
  EXPECT_EQ(open.highest_seq, 3u);
  std::string seqs;
  for (uint64_t seq : {1, 3}) PutBig64(seqs, seq);
  EXPECT_EQ(open.digest, wire::Sha256(seqs));
}

TEST(OpenSet, AnEndWithoutBeginIsRefused) {
  io::TempFolder folder;
  auto ledger = OpenTestLedger(TestOptions(folder / "log"));
  ASSERT_TRUE(ledger->BeginBoot(TestBoot(), TestBootBody()));
  EXPECT_EQ(FinishAndWait(*ledger, 1, TestEnd(1)).error().code, ErrorCode::kFailedPrecondition);
  ASSERT_TRUE(BeginAndWait(*ledger, TestBegin(1)));
  ASSERT_TRUE(FinishAndWait(*ledger, 1, TestEnd(1)));
  EXPECT_EQ(FinishAndWait(*ledger, 1, TestEnd(1)).error().code, ErrorCode::kFailedPrecondition);
}

}  // namespace
}  // namespace beleg::ledger
