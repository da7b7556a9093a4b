// A log whose old entry bundles are compressed answers as before, and other ways through its life go on from there.
#include "ledger/bundle_compression.h"

#include <filesystem>

#include "bundle/compression_thread.h"
#include "bundle/stored.h"
#include "ledger/prune.h"
#include "ledger/rotation.h"
#include "ledger/testing.h"

namespace beleg::ledger {
namespace {

class BundleCompressionTest : public testing::Test {
 protected:
  static constexpr uint64_t kRequests = 600;
  static constexpr uint64_t kLeaves = kRequests + 2;  // boot and key first

  BundleCompressionTest() {
    auto ledger = OpenTestLedger(Options());
    EXPECT_TRUE(ledger->BeginBoot(TestBoot(), TestBootBody()));
    for (uint64_t seq = 1; seq <= kRequests; ++seq) {
      ledger->Begin(TestBegin(seq), [](const Result<BeginReceipt>&) {});
      ledger->Finish(seq, TestEnd(seq), [](const Result<FinishReceipt>&) {});
    }
    EXPECT_EQ(ledger->WaitForSize(kLeaves, kLong), kLeaves);
    EXPECT_TRUE(ledger->CheckpointAtLeast(kLeaves, kLong));
    leaves_ = AllLeaves(*ledger);
    bundle_ = ledger->ReadResource("tile/entries/001")->bytes;
    ledger.reset();
    clock_.AdvanceMicros(86'400'000'000);  // it was yesterday
  }
  LedgerOptions Options() {
    LedgerOptions options = TestOptions(temp_ / "log");
    options.clock = &clock_;
    return options;
  }
  void Compress() {
    auto core = LedgerCore::Open(Options()).value();
    bundle::Compressor compressor(CompressionOf(*core));
    for (;;) {
      auto did = compressor.Step();
      ASSERT_TRUE(did) << did.error().message;
      if (*did == bundle::Compressor::Did::kNothing) break;
    }
    ASSERT_TRUE(HasCompressed(0) && HasCompressed(1));
  }
  std::string PathOf(uint64_t number) { return temp_ / fmt::format("log/public/tile/entries/{:03}", number); }
  bool Has(const std::string& path) { return io::PosixFileSystem().Exists(path).value(); }
  bool HasCompressed(uint64_t number) { return Has(PathOf(number) + ".zst") && !Has(PathOf(number)); }
  std::string LogJson() { return io::ReadFile(io::PosixFileSystem(), temp_ / "log/log.json").value(); }

  io::TempFolder temp_;
  ManualClock clock_{1'795'500'003'000'000};  // soon after the records of ledger/testing.h
  std::vector<std::string> leaves_;
  std::string bundle_;  // the second one
};

TEST_F(BundleCompressionTest, AnswersAreTheSame) {
  Compress();
  std::filesystem::remove_all(temp_ / "log/index");  // made again from the leaves
  auto ledger = OpenTestLedger(Options());
  EXPECT_EQ(AllLeaves(*ledger), leaves_);
  EXPECT_EQ(ledger->ReadResource("tile/entries/001")->bytes, bundle_);
  EXPECT_EQ(ledger->ReadResource("tile/entries/001.zst").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ledger->FindRequest(TestBegin(7).request_id), 8u);
  EXPECT_TRUE(ledger->Proof(7));
  EXPECT_TRUE(ledger->ReceiptOf(7));
  EXPECT_TRUE(ledger->BeginBoot(TestBoot(2), TestBootBody()));
}

TEST_F(BundleCompressionTest, TheFormatSaysSoUntilAllIsUnpacked) {
  EXPECT_NE(LogJson().find("\"format\":1"), std::string::npos) << LogJson();
  const std::string before = LogJson();
  Compress();
  EXPECT_NE(LogJson().find("\"format\":3"), std::string::npos) << LogJson();
  EXPECT_EQ(UnpackBundles(io::PosixFileSystem(), temp_ / "log"), 2u);
  EXPECT_EQ(LogJson(), before);
  EXPECT_EQ(io::ReadFile(io::PosixFileSystem(), PathOf(1)), bundle_);
  EXPECT_EQ(UnpackBundles(io::PosixFileSystem(), temp_ / "log"), 0u);
  EXPECT_EQ(AllLeaves(*OpenTestLedger(Options())), leaves_);
}

TEST_F(BundleCompressionTest, AFolderInUseIsNotUnpacked) {
  auto ledger = OpenTestLedger(Options());
  EXPECT_EQ(UnpackBundles(io::PosixFileSystem(), temp_ / "log").error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(UnpackBundles(io::PosixFileSystem(), temp_ / "none").error().code, ErrorCode::kNotFound);
}

TEST_F(BundleCompressionTest, AChangeOfKeyKeepsTheFormat) {
  Compress();
  ASSERT_TRUE(RotateKey(Options(), std::chrono::hours(1), {"1"}));
  EXPECT_NE(LogJson().find("\"format\":3"), std::string::npos) << LogJson();
  auto core = LedgerCore::Open(Options());
  ASSERT_TRUE(core) << core.error().message;
  EXPECT_EQ((*core)->identity().old_keys.size(), 1u);
  core->reset();
  ASSERT_TRUE(UnpackBundles(io::PosixFileSystem(), temp_ / "log"));
  EXPECT_NE(LogJson().find("\"format\":2"), std::string::npos) << LogJson();
}

TEST_F(BundleCompressionTest, PruningRemovesEitherFormAndCountsItsBytes) {
  Compress();
  PruneRequest request;
  request.before_us = clock_.UnixMicros();
  {
    auto core = LedgerCore::Open(Options()).value();
    request.covered_size = core->durable_size();
    request.covered_root = core->RootAt(request.covered_size).value();
  }
  const auto bytes = bundle::StoredSize(io::PosixFileSystem(), PathOf(0)).value() +
                     bundle::StoredSize(io::PosixFileSystem(), PathOf(1)).value();
  auto pruned = Prune(Options(), request, {"1"});
  ASSERT_TRUE(pruned) << pruned.error().message;
  EXPECT_EQ(pruned->after, 512u);
  EXPECT_EQ(pruned->bytes, static_cast<int64_t>(bytes));
  EXPECT_FALSE(Has(PathOf(0) + ".zst") || Has(PathOf(1) + ".zst"));
}

TEST_F(BundleCompressionTest, ADamagedOneIsNamed) {
  Compress();
  std::filesystem::resize_file(PathOf(1) + ".zst", 100);
  auto ledger = OpenTestLedger(Options());
  auto read = ledger->Read(300, 1, SIZE_MAX);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kDataLoss);
  EXPECT_NE(read.error().message.find("tile/entries/001.zst"), std::string::npos) << read.error().message;
  EXPECT_TRUE(ledger->Read(7, 1, SIZE_MAX)) << "the others are read";
}

// Tells when the plain form of a bundle is removed, which is the last step of its compression.
class RemovalWatch {
 public:
  io::FaultFileSystem::Fault Hook() {
    return [this](io::FaultPoint point, const std::string& path) -> Result<void> {
      if (point != io::FaultPoint::kRemove || !path.ends_with("tile/entries/001")) return {};
      MutexLock lock(mutex_);
      removed_ = true;
      there_.NotifyAll();
      return {};
    };
  }
  void Wait() {
    MutexLock lock(mutex_);
    while (!removed_) there_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar there_;
  bool removed_ GUARDED_BY(mutex_) = false;
};

TEST_F(BundleCompressionTest, ALedgerDoesItBesideItsWork) {
  RemovalWatch watch;
  io::FaultFileSystem disk(watch.Hook());
  LedgerOptions options = Options();
  options.fs = &disk;
  options.compress_closed_days = true;
  auto ledger = OpenTestLedger(options);
  ASSERT_TRUE(ledger->BeginBoot(TestBoot(2), TestBootBody()));
  for (int i = 0; i < 20; ++i) ledger->Append(ShutdownLeaf(), [](const Result<FinishReceipt>&) {});
  watch.Wait();
  ledger.reset();
  EXPECT_TRUE(HasCompressed(0) && HasCompressed(1));
  EXPECT_EQ(AllLeaves(*OpenTestLedger(Options())).size(), kLeaves + 21);
}

TEST_F(BundleCompressionTest, AFailedSyncStopsTheLedger) {
  Answer<bool> stopped;
  io::FaultFileSystem disk([](io::FaultPoint point, const std::string& path) -> Result<void> {
    if (point != io::FaultPoint::kSync || !path.ends_with(".zst.tmp")) return {};
    return Fail(ErrorCode::kDataLoss, "{}: EIO", path);
  });
  LedgerOptions options = Options();
  options.fs = &disk;
  options.compress_closed_days = true;
  options.on_fatal = [&](const Error&) { stopped.Callback()(true); };
  auto ledger = OpenTestLedger(options);
  EXPECT_TRUE(stopped.Wait());
  EXPECT_EQ(ledger->AppendAndWait(ShutdownLeaf()).error().code, ErrorCode::kUnavailable);
  ledger.reset();
  EXPECT_EQ(AllLeaves(*OpenTestLedger(Options())), leaves_);
}

}  // namespace
}  // namespace beleg::ledger
