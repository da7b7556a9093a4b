#include "store/mirror.h"

#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "io/simulated_disk.h"
#include "store/mirror_testing.h"
#include "verify/proof.h"

namespace beleg::store {
namespace {

using testing::FakeLedger;
using testing::kLong;
using testing::MirrorTest;
using testing::SampleLog;
using verify::testing::TestLog;

TEST_F(MirrorTest, RecordsComeIntoTheStoreAndProofsFromTheCopy) {
  SampleLog log("log");
  const uint64_t index = log.AddRequest();
  const TestLog served = LogOf(log);
  FakeLedger ledger(served);
  ASSERT_TRUE(OpenMirror(ledger.url()));
  Refresh();
  EXPECT_EQ(Records(), 3u);
  EXPECT_EQ(store_->FindSpans({})->size(), 4u);
  EXPECT_EQ(*mirror_->Entry(index), log.leaves()[index].bytes);
  EXPECT_TRUE(verify::CheckTlogProof(*mirror_->Proof(index), log.leaves()[index].bytes, served.vkey()));
  EXPECT_EQ(*mirror_->ReadResource("checkpoint"), served.files.at("checkpoint"));
  EXPECT_EQ(mirror_->ReadResource("../url").error().code, ErrorCode::kInvalidArgument);
  const MirrorState state = mirror_->state();
  EXPECT_EQ(state.origin, "log");
  EXPECT_EQ(state.vkey, served.vkey_text());
  EXPECT_EQ(state.size, 3u);
  EXPECT_EQ(state.problem, "");
  EXPECT_FALSE(state.diverged);
  ExpectWholeCopy(served);
}

TEST_F(MirrorTest, LogGrowsThroughFullTilesStepByStep) {
  SampleLog log("log");
  while (log.leaves().size() < 700) log.AddRequest();
  FakeLedger ledger(LogOf(log, 1));
  ASSERT_TRUE(OpenMirror(ledger.url()));
  for (size_t size : {1, 5, 200, 255, 256, 257, 600, 700}) {
    const TestLog served = LogOf(log, size);
    ledger.Show(served);
    Refresh();
    ASSERT_EQ(Records(), size);
    ExpectWholeCopy(served);
    ASSERT_TRUE(
        verify::CheckTlogProof(*mirror_->Proof(size / 2), log.leaves()[size / 2].bytes, served.vkey()))
        << size;
  }
  // Who began to read at an earlier checkpoint finds all of it: a partial file goes when the full one is there (C2SP).
  for (size_t size : {1, 5, 200, 255, 256, 257, 600, 700}) ExpectCopyHolds(LogOf(log, size));
  std::set<std::string> partial;
  const std::string dir = CopyDir(LogOf(log)) + "/tile/";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir)) {
    const std::string path = entry.path().string().substr(dir.size());
    if (path.find(".p") != path.npos) partial.insert(path);
  }
  EXPECT_EQ(partial,
            (std::set<std::string>{"0/002.p", "0/002.p/188", "0/002.p/88", "1/000.p", "1/000.p/1",
                                   "1/000.p/2", "entries/002.p", "entries/002.p/188", "entries/002.p/88"}));
}

TEST_F(MirrorTest, RestartFeedsTheStoreFromTheCopyWithoutTheLedger) {
  SampleLog log("log");
  while (log.leaves().size() < 300) log.AddRequest();
  const TestLog served = LogOf(log);
  std::string url;
  {
    FakeLedger ledger(served);
    url = ledger.url();
    ASSERT_TRUE(OpenMirror(url));
    Refresh();
    EXPECT_EQ(ledger.Requests("tile/entries/000"), 1);
    OpenStore();
    ASSERT_TRUE(OpenMirror(url));
    EXPECT_EQ(Records(), 300u);
    Refresh();
    EXPECT_EQ(ledger.Requests("tile/"), 2) << "nothing is fetched twice";
  }
  OpenStore();
  ASSERT_TRUE(OpenMirror(url));
  EXPECT_EQ(Records(), 300u);
  EXPECT_TRUE(verify::CheckTlogProof(*mirror_->Proof(123), log.leaves()[123].bytes, served.vkey()));
  EXPECT_EQ(RefreshError().code, ErrorCode::kUnavailable);
  EXPECT_NE(mirror_->state().problem, "");
  EXPECT_FALSE(mirror_->state().diverged);
}

class MirrorAttack : public MirrorTest {
 protected:
  void SetUp() override {
    MirrorTest::SetUp();
    while (log_.leaves().size() < 300) log_.AddRequest();
    ledger_ = std::make_unique<FakeLedger>(LogOf(log_, 280));
    ASSERT_TRUE(OpenMirror(ledger_->url()));
    Refresh();
  }
  void ExpectDiverged() {
    EXPECT_EQ(RefreshError().code, ErrorCode::kFailedPrecondition);
    EXPECT_TRUE(mirror_->state().diverged);
    EXPECT_NE(mirror_->state().problem, "");
    ExpectUntouched();
    // It stays so, through a restart and when the old log is shown again, until an operator acts.
    ledger_->Show(LogOf(log_, 280));
    OpenStore();
    ASSERT_TRUE(OpenMirror(ledger_->url()));
    EXPECT_TRUE(mirror_->state().diverged);
    EXPECT_EQ(RefreshError().code, ErrorCode::kFailedPrecondition);
    ExpectUntouched();
    size_t evidence = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator(folder_ / "mirror/log/diverged"))
      ++evidence;
    EXPECT_EQ(evidence, 2u);
    std::filesystem::remove_all(folder_ / "mirror/log/diverged");
    ASSERT_TRUE(OpenMirror(ledger_->url()));
    Refresh();
    EXPECT_FALSE(mirror_->state().diverged);
  }
  void ExpectUntouched() {
    EXPECT_EQ(mirror_->state().size, 280u);
    EXPECT_EQ(Records(), 280u);
    EXPECT_TRUE(verify::CheckTlogProof(*mirror_->Proof(7), log_.leaves()[7].bytes, LogOf(log_).vkey()));
    ExpectWholeCopy(LogOf(log_, 280));
  }
  // The same log with one old entry changed, signed by the same key.
  TestLog Rewritten(size_t size, size_t changed) const {
    TestLog out = LogOf(log_, size);
    out.entries[changed] = log_.leaves()[changed + 1].bytes;
    out.Write();
    return out;
  }

  SampleLog log_{"log"};
  std::unique_ptr<FakeLedger> ledger_;
};

TEST_F(MirrorAttack, RewrittenHistoryIsRefusedForGood) {
  ledger_->Show(Rewritten(300, 5));
  ExpectDiverged();
}

TEST_F(MirrorAttack, RewrittenTailIsRefusedForGood) {
  ledger_->Show(Rewritten(300, 279));
  ExpectDiverged();
}

TEST_F(MirrorAttack, SecondRootOfTheSameSizeIsRefusedForGood) {
  ledger_->Show(Rewritten(280, 5));
  ExpectDiverged();
}

TEST_F(MirrorAttack, ShrunkLogIsRefusedForGood) {
  ledger_->Show(LogOf(log_, 279));
  ExpectDiverged();
}

TEST_F(MirrorAttack, TamperedBundleIsRefusedUntilItIsRight) {
  TestLog grown = LogOf(log_, 300);
  ledger_->Show(grown);
  const std::string path = verify::TilePath(-1, 1, 300 - 256);
  std::string bundle = grown.files[path];
  bundle[bundle.size() - 3] ^= 1;
  ledger_->SetFile(path, bundle);
  EXPECT_EQ(RefreshError().code, ErrorCode::kDataLoss);
  EXPECT_FALSE(mirror_->state().diverged);
  ExpectUntouched();
  // In front of what is new: not what the copy has.
  bundle = grown.files[path];
  bundle[10] ^= 1;
  ledger_->SetFile(path, bundle);
  EXPECT_EQ(RefreshError().code, ErrorCode::kDataLoss);
  ExpectUntouched();
  ledger_->SetFile(path, grown.files[path].substr(0, 1000));
  EXPECT_EQ(RefreshError().code, ErrorCode::kDataLoss);
  ExpectUntouched();
  ledger_->Show(grown);
  Refresh();
  EXPECT_EQ(Records(), 300u);
}

TEST_F(MirrorAttack, OtherKeyIsRefused) {
  TestLog other(log_.entries(), "log");
  other.key = verify::testing::TestKey(99);
  other.Write();
  ledger_->Show(other);
  EXPECT_EQ(RefreshError().code, ErrorCode::kUnauthenticated);
  EXPECT_FALSE(mirror_->state().diverged);
  ExpectUntouched();
}

TEST_F(MirrorAttack, ChangedKeyOptionIsRefused) {
  TestLog other(log_.entries(), "log");
  other.key = verify::testing::TestKey(99);
  EXPECT_EQ(OpenMirror(ledger_->url(), "", other.vkey_text()).error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(MirrorAttack, DamagedTileOfTheCopyIsMadeAgain) {
  mirror_.reset();
  const std::string tile = folder_ / "mirror/log/tile/0/000";
  std::filesystem::resize_file(tile, 100);
  ASSERT_TRUE(OpenMirror(ledger_->url()));
  ExpectUntouched();
}

TEST_F(MirrorAttack, DamagedBundleOfTheCopyIsNamed) {
  mirror_.reset();
  std::filesystem::resize_file(folder_ / "mirror/log/tile/entries/000", 100);
  auto opened = OpenMirror(ledger_->url());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kDataLoss);
  EXPECT_NE(opened.error().message.find("tile/entries/000"), std::string::npos) << opened.error().message;
}

TEST_F(MirrorTest, BundlesOfClosedDaysLieCompressedAndAreGivenPlain) {
  SampleLog log("log");
  while (log.leaves().size() < 700) log.AddRequest();
  const TestLog served = LogOf(log);
  FakeLedger ledger(served);
  const std::string second = CopyDir(served) + "/tile/entries/001";
  Mutex mutex;
  CondVar there;
  bool removed = false;  // the plain form, which is the last step
  io::FaultFileSystem disk([&](io::FaultPoint point, const std::string& path) -> Result<void> {
    MutexLock lock(mutex);
    removed = removed || (point == io::FaultPoint::kRemove && path == second);
    there.NotifyAll();
    return {};
  });
  ManualClock clock(1'900'000'000'000'000);  // days after the records
  options_.fs = &disk;
  options_.clock = &clock;
  ASSERT_TRUE(OpenMirror(ledger.url()));
  Refresh();
  options_.compress_closed_days = true;
  ASSERT_TRUE(OpenMirror(ledger.url()));
  {
    MutexLock lock(mutex);
    while (!removed) there.Wait(mutex);
  }
  mirror_->Close();
  EXPECT_FALSE(std::filesystem::exists(second));
  EXPECT_EQ(mirror_->ReadResource("tile/entries/001"), served.files.at("tile/entries/001"));
  EXPECT_EQ(mirror_->ReadResource("tile/entries/001.zst").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(mirror_->Entry(300), log.leaves()[300].bytes);
  // The copy is read whole at the next start, grows, and gives the store what it has.
  OpenStore();
  while (log.leaves().size() < 1'000) log.AddRequest();
  ledger.Show(LogOf(log));
  ASSERT_TRUE(OpenMirror(ledger.url()));
  Refresh();
  EXPECT_EQ(Records(), 1'000u);
  mirror_.reset();
  std::filesystem::resize_file(second + ".zst", 100);
  auto opened = OpenMirror(ledger.url());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kDataLoss);
  EXPECT_NE(opened.error().message.find("001.zst"), std::string::npos) << opened.error().message;
}

TEST_F(MirrorTest, TokenIsSentAndARefusalIsTold) {
  SampleLog log("log");
  FakeLedger ledger(LogOf(log));
  ledger.token = "secret";
  ASSERT_TRUE(OpenMirror(ledger.url(), "wrong"));
  EXPECT_EQ(RefreshError().code, ErrorCode::kUnauthenticated);
  ASSERT_TRUE(OpenMirror(ledger.url(), "secret"));
  Refresh();
  EXPECT_EQ(Records(), 2u);
}

TEST_F(MirrorTest, EmptyLogIsMirrored) {
  FakeLedger ledger(TestLog(std::vector<std::string>{}, "log"));
  ASSERT_TRUE(OpenMirror(ledger.url()));
  Refresh();
  EXPECT_EQ(mirror_->state().size, 0u);
  EXPECT_EQ(mirror_->Entry(0).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(MirrorTest, LedgerThatIsNotThereIsAProblemNotAnError) {
  ASSERT_TRUE(OpenMirror("http://127.0.0.1:1"));
  EXPECT_EQ(RefreshError().code, ErrorCode::kUnavailable);
  EXPECT_EQ(mirror_->Entry(0).error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(OpenMirror("ftp://x"));
}

TEST_F(MirrorTest, NewRecordsComeByThemselves) {
  SampleLog log("log");
  FakeLedger ledger(LogOf(log));
  MirrorOptions options;
  options.dir = folder_ / "mirror";
  options.url = ledger.url();
  options.poll_interval = std::chrono::milliseconds(1);
  mirror_ = *Mirror::Open(std::move(options), *store_);
  log.AddRequest();
  ledger.Show(LogOf(log));
  while (Records() < 3) std::this_thread::yield();
  EXPECT_EQ(Records(), 3u);
}

TEST_F(MirrorTest, FullDiskKeepsTheOldCheckpointAndHeals) {
  SampleLog log("log");
  FakeLedger ledger(LogOf(log));
  std::atomic<bool> full = false;
  io::FaultFileSystem fs([&](io::FaultPoint point, const std::string&) -> Result<void> {
    if (full && point == io::FaultPoint::kWrite) return Fail(ErrorCode::kResourceExhausted, "no space");
    return {};
  });
  MirrorOptions options;
  options.dir = folder_ / "mirror";
  options.url = ledger.url();
  options.fs = &fs;
  options.poll_interval = std::chrono::milliseconds(10'000);
  mirror_ = *Mirror::Open(std::move(options), *store_);
  Refresh();
  full = true;
  log.AddRequest();
  ledger.Show(LogOf(log));
  EXPECT_EQ(RefreshError().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(mirror_->state().size, 2u);
  full = false;
  Refresh();
  EXPECT_EQ(Records(), 3u);
  ExpectWholeCopy(LogOf(log));
}

// In each write of a round: the new files, then the checkpoint that covers them.
TEST_F(MirrorTest, AfterAFailedSyncNothingIsTakenOverAnyMore) {
  for (const int good_syncs : {0, 1, 2}) {
    SCOPED_TRACE(good_syncs);
    SampleLog log("log");
    FakeLedger ledger(LogOf(log));
    io::SimulatedDisk disk(1);
    MirrorOptions options;
    options.dir = "/data/mirror";
    options.url = ledger.url();
    options.fs = &disk;
    int told = 0;
    options.on_fatal = [&](const Error&) { ++told; };
    options.poll_interval = std::chrono::milliseconds(10'000);
    mirror_ = *Mirror::Open(std::move(options), *store_);
    Refresh();
    while (log.leaves().size() < 300) log.AddRequest();
    ledger.Show(LogOf(log));
    int syncs = 0;
    disk.SetFault([&](const io::DiskCall& call) -> Result<void> {
      if (call.act != io::DiskAct::kSyncFolder || syncs++ != good_syncs) return {};
      return Fail(ErrorCode::kDataLoss, "the disk is gone");
    });
    EXPECT_EQ(RefreshError().code, ErrorCode::kUnavailable);
    const int requests = ledger.Requests("checkpoint");
    EXPECT_EQ(RefreshError().code, ErrorCode::kUnavailable) << "the disk would work again";
    EXPECT_EQ(ledger.Requests("checkpoint"), requests) << "the log is not even asked";
    EXPECT_EQ(mirror_->state().size, 2u);
    EXPECT_EQ(told, 1);
    mirror_.reset();
  }
}

TEST_F(MirrorTest, EveryMomentOfAMirrorsDiskIsAWholeCopy) {
  SampleLog log("log");
  while (log.leaves().size() < 520) log.AddRequest();
  FakeLedger ledger(LogOf(log, 250));
  // A copy of the folder before each change of the disk, as a crash then would leave it.
  io::TempFolder crashes;
  int count = 0;
  io::FaultFileSystem fs([&](io::FaultPoint point, const std::string&) -> Result<void> {
    if (point == io::FaultPoint::kRename || point == io::FaultPoint::kRemove) {
      io::CopyFolder(folder_ / "mirror", crashes / std::to_string(count++));
    }
    return {};
  });
  MirrorOptions options;
  options.dir = folder_ / "mirror";
  options.url = ledger.url();
  options.fs = &fs;
  options.poll_interval = std::chrono::milliseconds(10'000);
  mirror_ = *Mirror::Open(options, *store_);
  Refresh();
  ledger.Show(LogOf(log, 520));
  Refresh();
  mirror_.reset();
  for (int i = 0; i < count; ++i) {
    options.dir = crashes / std::to_string(i);
    options.fs = nullptr;
    auto mirror = Mirror::Open(options, *store_);
    ASSERT_TRUE(mirror) << i << ": " << mirror.error().message;
    auto done = (*mirror)->Refresh(kLong);
    ASSERT_TRUE(done) << i << ": " << done.error().message;
    EXPECT_EQ((*mirror)->state().size, 520u);
    EXPECT_TRUE(verify::CheckTlogProof(*(*mirror)->Proof(300), log.leaves()[300].bytes, LogOf(log).vkey()));
  }
  EXPECT_GT(count, 10);
}

TEST_F(MirrorTest, PowerCutAtAnyCallLeavesAWholeCopy) {
  SampleLog log("log");
  while (log.leaves().size() < 520) log.AddRequest();
  const TestLog old = LogOf(log, 250), grown = LogOf(log, 520);
  FakeLedger ledger(old);
  for (uint64_t seed = 0; seed < 60; ++seed) {
    io::SimulatedDisk disk(seed);
    MirrorOptions options;
    options.dir = "/data/mirror";
    options.url = ledger.url();
    options.fs = &disk;
    options.on_fatal = [](const Error&) {};
    options.poll_interval = std::chrono::milliseconds(10'000);
    disk.SetFault(io::FailsFrom(1 + seed * 2));
    uint64_t kept = 0;
    ledger.Show(old);
    if (auto mirror = Mirror::Open(options, *store_)) {
      std::ignore = (*mirror)->Refresh(kLong);
      ledger.Show(grown);
      std::ignore = (*mirror)->Refresh(kLong);
      kept = (*mirror)->state().size;
    }
    disk.SetFault({});
    seed % 3 == 0 ? disk.Kill() : disk.CutPower();
    ledger.Show(grown);
    auto mirror = Mirror::Open(options, *store_);
    ASSERT_TRUE(mirror) << seed << ": " << mirror.error().message;
    ASSERT_GE((*mirror)->state().size, kept) << seed;
    auto done = (*mirror)->Refresh(kLong);
    ASSERT_TRUE(done) << seed << ": " << done.error().message;
    EXPECT_EQ((*mirror)->state().size, 520u);
    EXPECT_TRUE(verify::CheckTlogProof(*(*mirror)->Proof(300), log.leaves()[300].bytes, grown.vkey()));
  }
}

}  // namespace
}  // namespace beleg::store
