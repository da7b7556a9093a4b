// Logs of every format version that was ever written open for ever: tests/golden/compat/ledger-vN is a copy of one, taken while a
// request was open, and ledger-vN/given what its clients were given: receipts, and a proof with its record. A new version adds a
// folder here and never changes an old one. (That what was given still verifies: verify/compat_test.cc, tests/conformance.)
//
// Version 2 is of a log whose key was changed and whose first entries were pruned; a log without a change stays of version 1.
// Version 3 is of a log whose first bundle is compressed.
// BELEG_WRITE_COMPAT=FOLDER makes version 1's folder before it is read, BELEG_WRITE_COMPAT_2=FOLDER version 2's, and so on.
#include <cstdlib>
#include <filesystem>

#include "ledger/bundle_compression.h"
#include "ledger/ledger_core.h"
#include "ledger/prune.h"
#include "ledger/rotation.h"
#include "ledger/testing.h"

namespace beleg::ledger {
namespace {

constexpr uint64_t kRequests = 300;  // more than one full tile
constexpr uint64_t kOpenSeq = kRequests + 1;
constexpr uint64_t kSavedLeaves = kRequests + 2;  // boot and key first
const std::string kVersion1 = BELEG_SOURCE_DIR "/tests/golden/compat/ledger-v1";

LedgerOptions SmallSegments(const std::string& dir) {
  LedgerOptions options = TestOptions(dir);
  options.wal_segment_bytes = 512 << 10;
  return options;
}

// What the clients of this log were given goes to `given`, as they would keep it.
void RunLog(Ledger& ledger, const std::string& given) {
  ASSERT_TRUE(ledger.BeginBoot(TestBoot(), TestBootBody()));
  std::string receipts;
  for (uint64_t seq = 1; seq <= kRequests; ++seq) {
    auto begin = BeginAndWait(ledger, TestBegin(seq));
    ASSERT_TRUE(begin);
    auto finish = FinishAndWait(ledger, seq, TestEnd(seq));
    ASSERT_TRUE(finish);
    if (seq % 50 == 0)
      receipts += "Audit-Begin: " + begin->header + "\nAudit-Finish: " + WithSecret(*finish, Hash32{}) + "\n";
  }
  ASSERT_TRUE(ledger.CheckpointAtLeast(kSavedLeaves, kLong));
  auto open = BeginAndWait(ledger, TestBegin(kOpenSeq));
  ASSERT_TRUE(open);
  ASSERT_TRUE(io::PosixFileSystem().MakeFolders(given));
  const auto write = [&given](const std::string& name, const std::string& bytes) {
    auto file = io::PosixFileSystem().Open(given + "/" + name, io::OpenMode::kCreate);
    ASSERT_TRUE(file && (*file)->WriteAt(0, bytes));
  };
  write("receipts", receipts + "Audit-Begin: " + open->header + "\n");
  write("record.tlog-proof", ledger.Proof(257).value());
  write("record.json", TestEnd(256));
}

void WriteLog(const std::string& folder) {
  io::TempFolder temp;
  auto ledger = OpenTestLedger(SmallSegments(temp / "log"));
  RunLog(*ledger, temp / "given");
  io::CopyFolder(temp / "log", folder);
  io::CopyFolder(temp / "given", folder + "/given");
}

TEST(LedgerCompat, ALogOfVersion1OpensAndGoesOn) {
  if (const char* folder = std::getenv("BELEG_WRITE_COMPAT")) WriteLog(folder);
  io::TempFolder temp;
  io::CopyFolder(kVersion1, temp / "log");
  std::filesystem::permissions(temp / "log/key", std::filesystem::perms(0600));  // git keeps no such mode
  auto ledger = OpenTestLedger(SmallSegments(temp / "log"));
  ASSERT_EQ(ledger->durable_size(), kSavedLeaves);
  EXPECT_EQ(ledger->BeginBoot(TestBoot(2), TestBootBody()), kSavedLeaves);

  std::vector<std::string> leaves = AllLeaves(*ledger);
  ASSERT_EQ(leaves.size(), kSavedLeaves + 2);  // the new boot, and the request that was open
  for (uint64_t seq = 1; seq <= kRequests; ++seq) EXPECT_EQ(leaves[seq + 1], TestEnd(seq)) << seq;
  auto last = record::Decode(leaves.back());
  ASSERT_TRUE(last);
  const auto* lost = std::get_if<record::Lost>(&last->body);
  ASSERT_NE(lost, nullptr);
  EXPECT_EQ(lost->id.seq, kOpenSeq);
  EXPECT_EQ(ledger->CheckpointAtLeast(kSavedLeaves + 2, kLong), kSavedLeaves + 2);
  EXPECT_EQ(ledger->FindRequest(TestBegin(7).request_id), 8u);
}

void WriteLog2(const std::string& folder) {
  io::TempFolder temp;
  ManualClock clock;
  LedgerOptions options = SmallSegments(temp / "log");
  options.clock = &clock;
  RunLog(*OpenTestLedger(options), temp / "given");
  ASSERT_TRUE(RotateKey(options, std::chrono::hours(24 * 90), {"1"}));
  PruneRequest request;
  request.before_index = kTileWidth;
  {
    auto core = LedgerCore::Open(options).value();
    request.covered_size = core->durable_size();
    request.covered_root = core->RootAt(request.covered_size).value();
  }
  ASSERT_TRUE(Prune(options, request, {"1"}));
  io::CopyFolder(temp / "log", folder);
}

TEST(LedgerCompat, ALogOfVersion2OpensAndGoesOn) {
  if (const char* folder = std::getenv("BELEG_WRITE_COMPAT_2")) WriteLog2(folder);
  io::TempFolder temp;
  io::CopyFolder(BELEG_SOURCE_DIR "/tests/golden/compat/ledger-v2", temp / "log");
  for (const auto& file : std::filesystem::directory_iterator(temp / "log"))
    if (file.path().filename().string().starts_with("key"))
      std::filesystem::permissions(file.path(), std::filesystem::perms(0600));
  ManualClock clock;
  LedgerOptions options = SmallSegments(temp / "log");
  options.clock = &clock;
  auto core = LedgerCore::Open(options);
  ASSERT_TRUE(core) << core.error().message;
  EXPECT_EQ((*core)->pruned_before(), kTileWidth);
  EXPECT_EQ((*core)->identity().old_keys.size(), 1u);
  EXPECT_TRUE((*core)->identity().old_keys[0].signer) << "its overlap is not over";
  EXPECT_TRUE((*core)->ReadResource("keys/001.tlog-proof"));
  EXPECT_EQ((*core)->Read(kTileWidth, 1, SIZE_MAX)->at(0).bytes, TestEnd(kTileWidth - 1));
  EXPECT_TRUE((*core)->Proof(*(*core)->published(), 7));
  auto boot = (*core)->BootOps(TestBoot(3), TestBootBody()).value();
  EXPECT_TRUE((*core)->Commit(boot));
}

constexpr int64_t kDayAfterMicros = 1'795'500'000'000'000 + 86'400'000'000;  // that of the records

void WriteLog3(const std::string& folder) {
  io::TempFolder temp;
  ManualClock clock(kDayAfterMicros);
  LedgerOptions options = SmallSegments(temp / "log");
  RunLog(*OpenTestLedger(options), temp / "given");
  options.clock = &clock;
  {
    auto core = LedgerCore::Open(options).value();
    bundle::Compressor compressor(CompressionOf(*core));
    EXPECT_EQ(compressor.Step(), bundle::Compressor::Did::kCompressed);
  }
  io::CopyFolder(temp / "log", folder);
  io::CopyFolder(temp / "given", folder + "/given");
}

TEST(LedgerCompat, ALogOfVersion3OpensAndGoesOn) {
  if (const char* folder = std::getenv("BELEG_WRITE_COMPAT_3")) WriteLog3(folder);
  io::TempFolder temp;
  io::CopyFolder(BELEG_SOURCE_DIR "/tests/golden/compat/ledger-v3", temp / "log");
  std::filesystem::permissions(temp / "log/key", std::filesystem::perms(0600));
  ASSERT_TRUE(io::PosixFileSystem().Exists(temp / "log/public/tile/entries/000.zst").value());
  auto ledger = OpenTestLedger(SmallSegments(temp / "log"));
  ASSERT_EQ(ledger->durable_size(), kSavedLeaves);
  EXPECT_EQ(ledger->BeginBoot(TestBoot(2), TestBootBody()), kSavedLeaves);
  const std::vector<std::string> leaves = AllLeaves(*ledger);
  ASSERT_EQ(leaves.size(), kSavedLeaves + 2);
  for (uint64_t seq = 1; seq <= kRequests; ++seq) EXPECT_EQ(leaves[seq + 1], TestEnd(seq)) << seq;
  EXPECT_EQ(ledger->FindRequest(TestBegin(7).request_id), 8u);
}

}  // namespace
}  // namespace beleg::ledger
