// A disk that is full, and one that fails, under the running ledger.
#include <atomic>

#include "io/durable.h"
#include "io/simulated_disk.h"
#include "ledger/cursor.h"
#include "ledger/ledger_core.h"
#include "ledger/testing.h"

namespace beleg::ledger {
namespace {

using io::FaultPoint;
using std::chrono::milliseconds;

bool IsIn(std::string_view folder, std::string_view path) { return path.find(folder) != path.npos; }

// EIO of this call on files of that folder, while is_broken.
io::FaultFileSystem::Fault FailsIn(std::string_view folder, FaultPoint broken,
                                   const std::atomic<bool>& is_broken) {
  return [folder, broken, &is_broken](FaultPoint point, const std::string& path) -> Result<void> {
    if (is_broken && point == broken && IsIn(folder, path))
      return Fail(ErrorCode::kDataLoss, "{}: EIO", path);
    return {};
  };
}

// A ledger whose disk is full for these calls on files of that folder, while is_full. The clock moves by hand.
class FullDiskTest : public testing::Test {
 protected:
  void Open(FaultPoint full = FaultPoint::kWrite, std::string_view folder = "/wal/") {
    fs_ = std::make_unique<io::FaultFileSystem>(
        [this, full, folder](FaultPoint point, const std::string& path) -> Result<void> {
          if (is_full_ && point == full && IsIn(folder, path))
            return Fail(ErrorCode::kResourceExhausted, "{}: no space left", path);
          return {};
        });
    Reopen();
    ASSERT_TRUE(ledger_->BeginBoot(TestBoot(), TestBootBody()));
  }
  void Reopen() {
    LedgerOptions options = TestOptions(folder_ / "log");
    options.fs = fs_.get();
    options.clock = &clock_;
    options.free_bytes_min = 1'000'000;
    ledger_.reset();
    ledger_ = OpenTestLedger(options);
    ASSERT_TRUE(ledger_);
  }
  // Begins requests until one is refused; returns how many were begun.
  uint64_t BeginUntilRefused() {
    for (uint64_t seq = 1; seq < 10'000; ++seq)
      if (auto begun = BeginAndWait(*ledger_, TestBegin(seq)); !begun) {
        EXPECT_EQ(begun.error().code, ErrorCode::kResourceExhausted);
        return seq - 1;
      }
    ADD_FAILURE() << "never refused";
    return 0;
  }
  void PassRetryTime() { clock_.AdvanceMicros(250'000); }

  io::TempFolder folder_;
  ManualClock clock_;
  std::atomic<bool> is_full_ = false;
  std::unique_ptr<io::FaultFileSystem> fs_;
  std::unique_ptr<Ledger> ledger_;
};

TEST_F(FullDiskTest, EveryBegunRequestCanBeEnded) {
  Open(FaultPoint::kAllocate, "/wal/");
  is_full_ = true;
  const uint64_t begun = BeginUntilRefused();
  EXPECT_GT(begun, 10u);
  EXPECT_EQ(ledger_->Health().error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(ledger_->AppendAndWait("heartbeat").error().code, ErrorCode::kResourceExhausted);
  record::Request big = record::SampleRequest();
  big.params.ignored.assign(630, std::string(20, 'x'));
  for (uint64_t seq = 1; seq <= begun; ++seq) {
    big.id = TestBegin(seq).id;
    const std::string leaf = record::Encode({TestBoot(), 1'795'500'000'000'000, big});
    EXPECT_GT(leaf.size(), 15'000u);
    auto ended = FinishAndWait(*ledger_, seq, leaf);
    ASSERT_TRUE(ended) << "seq " << seq << " of " << begun << ": " << ended.error().message;
  }
  is_full_ = false;
  PassRetryTime();
  EXPECT_TRUE(BeginAndWait(*ledger_, TestBegin(begun + 1))) << "a refused seq may be given again";
  EXPECT_TRUE(ledger_->Health());
}

TEST_F(FullDiskTest, ARefusedBootWritesNoLostRecords) {
  Open();
  ASSERT_TRUE(BeginAndWait(*ledger_, TestBegin(1)));
  const uint64_t size = ledger_->durable_size();
  Reopen();
  fs_->free_bytes = 999'999;
  PassRetryTime();
  EXPECT_EQ(ledger_->BeginBoot(TestBoot(2), TestBootBody()).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(ledger_->durable_size(), size);
  fs_->free_bytes = -1;
  PassRetryTime();
  EXPECT_EQ(ledger_->BeginBoot(TestBoot(2), TestBootBody()), size);
  EXPECT_EQ(ledger_->FindRequest(TestBegin(1).request_id), size + 1);
}

TEST_F(FullDiskTest, LittleFreeSpaceRefusesAndHealsByItself) {
  Open();
  ASSERT_TRUE(BeginAndWait(*ledger_, TestBegin(1)));
  fs_->free_bytes = 999'999;
  PassRetryTime();
  EXPECT_EQ(BeginAndWait(*ledger_, TestBegin(2)).error().code, ErrorCode::kResourceExhausted);
  EXPECT_TRUE(FinishAndWait(*ledger_, 1, TestEnd(1)));
  EXPECT_NE(ledger_->Health().error().message.find("999999"), std::string::npos);
  fs_->free_bytes = 1'000'000;
  PassRetryTime();
  EXPECT_TRUE(BeginAndWait(*ledger_, TestBegin(2)));
  EXPECT_TRUE(ledger_->Health());
}

TEST_F(FullDiskTest, TilesAreMadeWhenThereIsRoomAgain) {
  Open(FaultPoint::kWrite, "/public/");
  ASSERT_TRUE(ledger_->CheckpointAtLeast(2, kLong));
  is_full_ = true;
  ASSERT_TRUE(ledger_->AppendAndWait("acknowledged though no tile can be written"));
  EXPECT_EQ(ledger_->CheckpointAtLeast(3, milliseconds(300)).error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(ledger_->Read(2, 1, 1000)->size(), 1u);
  is_full_ = false;
  EXPECT_TRUE(ledger_->CheckpointAtLeast(3, kLong));
}

TEST_F(FullDiskTest, AFailedWriteOfTheWriteAheadLogIsTriedAgainForEnds) {
  Open(FaultPoint::kWrite, "/wal/");
  ASSERT_TRUE(BeginAndWait(*ledger_, TestBegin(1)));
  is_full_ = true;
  Answer<FinishReceipt> answer;
  ledger_->Finish(1, TestEnd(1), answer.Callback());
  EXPECT_EQ(ledger_->AppendAndWait("new").error().code, ErrorCode::kResourceExhausted);
  EXPECT_FALSE(answer.IsThere());
  is_full_ = false;
  EXPECT_TRUE(answer.Wait());
  EXPECT_EQ(ledger_->FindRequest(TestBegin(1).request_id), 2u);
}

TEST_F(FullDiskTest, AStopWaitsForNoRoomAndTheRequestIsLost) {
  Open(FaultPoint::kWrite, "/wal/");
  ASSERT_TRUE(BeginAndWait(*ledger_, TestBegin(1)));
  is_full_ = true;
  Answer<FinishReceipt> answer;
  ledger_->Finish(1, TestEnd(1), answer.Callback());
  ledger_->StopWaitingForRoom();
  EXPECT_FALSE(answer.Wait());
  ledger_->Close();
  is_full_ = false;
  Reopen();
  ASSERT_TRUE(ledger_->BeginBoot(TestBoot(2), TestBootBody()));
  EXPECT_TRUE(ledger_->FindRequest(TestBegin(1).request_id)) << "its lost record";
}

TEST_F(FullDiskTest, TooMuchUnpublishedRefuses) {
  fs_ = std::make_unique<io::FaultFileSystem>(
      [this](FaultPoint point, const std::string& path) -> Result<void> {
        if (is_full_ && point == FaultPoint::kWrite && IsIn("/public/", path))
          return Fail(ErrorCode::kResourceExhausted, "{}: no space left", path);
        return {};
      });
  LedgerOptions options = TestOptions(folder_ / "log");
  options.fs = fs_.get();
  options.unpublished_bytes_max = 10'000;
  ledger_ = OpenTestLedger(options);
  is_full_ = true;
  Result<FinishReceipt> receipt;
  for (int i = 0; i < 20 && receipt; ++i) receipt = ledger_->AppendAndWait(std::string(1000, 'x'));
  EXPECT_EQ(receipt.error().code, ErrorCode::kResourceExhausted);
  is_full_ = false;
  ASSERT_TRUE(ledger_->CheckpointAtLeast(ledger_->durable_size(), kLong));
}

TEST(Publishing, PublishedLeavesOfAnUnfinishedBundleDoNotHoldUpTheWriter) {
  io::TempFolder folder;
  LedgerOptions options = TestOptions(folder / "log");
  options.unpublished_bytes_max = 10'000;
  auto ledger = OpenTestLedger(options);
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(ledger->AppendAndWait(std::string(1000, 'x'))) << i;
}

TEST(Publishing, AFullPortionEndsWithAFullTile) {
  io::TempFolder folder;
  auto core = LedgerCore::Open(TestOptions(folder / "log")).value();
  const auto append_hundred = [&core] {
    std::vector<Op> ops(100);
    for (Op& op : ops) op.leaf = "x";
    ASSERT_TRUE(core->Commit(ops));
  };
  append_hundred();
  ASSERT_TRUE(core->Publish());
  while (core->durable_size() < 2'500) append_hundred();
  std::vector<uint64_t> sizes = {core->published()->size()};
  while (sizes.back() < core->durable_size()) {
    ASSERT_TRUE(core->Publish());
    sizes.push_back(core->published()->size());
  }
  EXPECT_EQ(sizes, (std::vector<uint64_t>{100, 2'048, 2'500}));
  EXPECT_EQ(core->published()->root, core->RootAt(2'500).value());
}

TEST(FailingDisk, AFailedSyncStopsAndAcknowledgesNothing) {
  for (FaultPoint broken : {FaultPoint::kSync, FaultPoint::kWrite}) {
    io::TempFolder folder;
    std::atomic<bool> is_broken = false;
    io::FaultFileSystem fs(FailsIn("/wal/", broken, is_broken));
    std::atomic<int> stops = 0;
    LedgerOptions options = TestOptions(folder / "log");
    options.fs = &fs;
    Answer<FinishReceipt> answer;
    options.on_fatal = [&](const Error& error) {
      EXPECT_EQ(error.code, ErrorCode::kDataLoss);
      EXPECT_FALSE(answer.IsThere()) << "an answer about a record that may be there or not";
      ++stops;
    };
    auto ledger = OpenTestLedger(options);
    ASSERT_TRUE(ledger->AppendAndWait("a"));
    is_broken = true;
    ledger->Append("b", answer.Callback());
    EXPECT_EQ(answer.Wait().error().code, ErrorCode::kUnavailable);
    is_broken = false;
    EXPECT_EQ(ledger->AppendAndWait("c").error().code, ErrorCode::kUnavailable) << "it stays stopped";
    EXPECT_EQ(ledger->Health().error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(ledger->CheckpointAtLeast(2, milliseconds(1)).error().code, ErrorCode::kUnavailable);
    ledger.reset();
    EXPECT_EQ(stops, 1);
    EXPECT_EQ(AllLeaves(*OpenTestLedger(TestOptions(folder / "log")))[0], "a");
  }
}

TEST(FailingDisk, ATileThatCannotBeSyncedStops) {
  io::TempFolder folder;
  std::atomic<bool> is_broken = false;
  io::FaultFileSystem fs(FailsIn("/public/", FaultPoint::kSync, is_broken));
  std::atomic<int> stops = 0;
  LedgerOptions options = TestOptions(folder / "log");
  options.fs = &fs;
  options.on_fatal = [&](const Error&) { ++stops; };
  auto ledger = OpenTestLedger(options);
  is_broken = true;
  ASSERT_TRUE(ledger->AppendAndWait("a"));
  EXPECT_EQ(ledger->CheckpointAtLeast(1, kLong).error().code, ErrorCode::kUnavailable);
  ledger.reset();
  EXPECT_EQ(stops, 1);
  auto again = OpenTestLedger(TestOptions(folder / "log"));
  EXPECT_EQ(AllLeaves(*again), std::vector<std::string>{"a"});
}

TEST(FailingDisk, WhileTheProcessStopsNobodyIsAnswered) {
  io::TempFolder folder;
  std::atomic<bool> is_broken = false;
  io::FaultFileSystem fs(FailsIn("/public/", FaultPoint::kSync, is_broken));
  LedgerOptions options = TestOptions(folder / "log");
  options.fs = &fs;
  Ledger* running = nullptr;
  Answer<FinishReceipt> answer;
  options.on_fatal = [&](const Error&) {
    running->Append(
        "b", answer.Callback());  // the writer, which is well, has it while the publisher stops the process
    EXPECT_FALSE(answer.IsThereWithin(milliseconds(100)));
  };
  auto ledger = OpenTestLedger(options);
  running = ledger.get();
  ASSERT_TRUE(ledger->AppendAndWait("a"));
  is_broken = true;
  EXPECT_EQ(ledger->CheckpointAtLeast(1, kLong).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(answer.Wait().error().code, ErrorCode::kUnavailable);
}

TEST(FullQueue, RefusesNewWorkAndTakesEnds) {
  io::TempFolder folder;
  Mutex mutex;
  CondVar opened;
  bool is_shut = false;
  io::FaultFileSystem fs([&](FaultPoint point, const std::string& path) -> Result<void> {
    if (point == FaultPoint::kSync && IsIn("/wal/", path)) {
      MutexLock lock(mutex);
      while (is_shut) opened.Wait(mutex);  // a disk that takes its time
    }
    return {};
  });
  LedgerOptions options = TestOptions(folder / "log");
  options.fs = &fs;
  options.queue_count_max = 10;
  auto ledger = OpenTestLedger(options);
  ASSERT_TRUE(ledger->BeginBoot(TestBoot(), TestBootBody()));
  ASSERT_TRUE(BeginAndWait(*ledger, TestBegin(1)));
  {
    MutexLock lock(mutex);
    is_shut = true;
  }
  std::atomic<int> refused = 0, done = 0;
  for (int i = 0; i < 40; ++i)
    ledger->Append("x", [&](Result<FinishReceipt> receipt) { ++(receipt ? done : refused); });
  EXPECT_GE(refused, 40 - 10 - 10) << "ten wait, some are being written";
  Answer<FinishReceipt> answer;
  ledger->Finish(1, TestEnd(1), answer.Callback());
  {
    MutexLock lock(mutex);
    is_shut = false;
    opened.NotifyAll();
  }
  EXPECT_TRUE(answer.Wait());
  ledger->Close();
  EXPECT_EQ(done + refused, 40);
}

TEST(Cursor, IsDurable) {
  io::TempFolder folder;
  auto& fs = io::PosixFileSystem();
  OpenTestLedger(TestOptions(folder / "log"));
  auto cursor = Cursor::Open(fs, folder / "log", "otlp");
  ASSERT_TRUE(cursor) << cursor.error().message;
  EXPECT_EQ((*cursor)->next(), 0u);
  ASSERT_TRUE((*cursor)->Advance(17));
  ASSERT_TRUE((*cursor)->Advance(17));
  EXPECT_EQ(Cursor::Open(fs, folder / "log", "otlp").value()->next(), 17u);
  EXPECT_EQ(Cursor::Open(fs, folder / "log", "other").value()->next(), 0u);
}

TEST(Cursor, WhatAStartReadsSurvivesAPowerCut) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    io::SimulatedDisk disk(seed);
    ASSERT_TRUE(io::MakeFoldersDurably(disk, "/log/cursors"));
    auto cursor = Cursor::Open(disk, "/log", "otlp").value();
    ASSERT_TRUE(cursor->Advance(1));
    disk.KillAt(disk.calls() + 5);  // create, write, sync, rename, and the folder's sync
    ASSERT_FALSE(cursor->Advance(2));
    disk.Kill();
    ASSERT_EQ(Cursor::Open(disk, "/log", "otlp").value()->next(), 2u);
    disk.CutPower();
    EXPECT_EQ(Cursor::Open(disk, "/log", "otlp").value()->next(), 2u);
  }
}

TEST(CursorDeathTest, NeverGoesBack) {
  io::TempFolder folder;
  ASSERT_TRUE(io::PosixFileSystem().MakeFolders(folder / "log/cursors"));
  auto cursor = Cursor::Open(io::PosixFileSystem(), folder / "log", "otlp").value();
  ASSERT_TRUE(cursor->Advance(17));
  EXPECT_DEATH(std::ignore = cursor->Advance(16), "never goes back");
}

TEST(Cursor, ADamagedOneIsDataLoss) {
  io::TempFolder folder;
  auto& fs = io::PosixFileSystem();
  OpenTestLedger(TestOptions(folder / "log"));
  ASSERT_TRUE(Cursor::Open(fs, folder / "log", "otlp").value()->Advance(1234));
  auto file = fs.Open(folder / "log/cursors/otlp", io::OpenMode::kReadWrite).value();
  ASSERT_TRUE(file->WriteAt(16, "2"));
  EXPECT_EQ(Cursor::Open(fs, folder / "log", "otlp").error().code, ErrorCode::kDataLoss);
  for (const char* name : {"", "../x", "A", "a b"})
    EXPECT_EQ(Cursor::Open(fs, folder / "log", name).error().code, ErrorCode::kInvalidArgument) << name;
}

}  // namespace
}  // namespace beleg::ledger
