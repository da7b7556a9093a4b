// Whoever owns the host can leave a request out of the log in three ways: drop its begin from the write-ahead log before it is published,
// delete its record from the published files, or write all of the log anew with the log's own key. A client that kept the
// begin receipt proves it each time, from the receipt and the log's public files (docs/threat-model.md).
#include <algorithm>
#include <filesystem>
#include <map>

#include <gtest/gtest.h>

#include "audit/pinned_keys.h"
#include "audit/verify.h"
#include "bundle/entry_bundle.h"
#include "io/testing.h"
#include "ledger/testing.h"
#include "ledger/wal_format.h"

namespace beleg {
namespace {

constexpr int64_t kBegunUs = 1'700'000'000'000'000;
constexpr int64_t kPromiseUs = 600'000'000;
constexpr uint64_t kVictim = 2;  // the seq of the request that is left out

const ManualClock kBegun(kBegunUs);
const ManualClock kLater(kBegunUs + kPromiseUs + 1'000'000);  // no promise is open any more

enum class Found { kRecorded, kNotDueYet, kMissing, kLogIsDamaged };

// What `beleg audit verify RECEIPT --against FOLDER` says to a client that has nothing but a begin receipt and the log's key.
Found Judge(const std::string& public_folder, const std::string& vkey, const std::string& begin_receipt) {
  io::TempFolder folder;
  const std::string file = folder / "receipt";
  EXPECT_TRUE(io::PosixFileSystem().Open(file, io::OpenMode::kCreate).value()->WriteAt(0, begin_receipt));
  audit::VerifyOptions options;
  options.files = {file};
  options.policy =
      audit::ReadPolicy({.vkeys = {vkey}, .witnesses = {}, .quorum = {}, .policy_file = {}}).value();
  options.against = {public_folder, ""};
  const audit::VerifyResult result = audit::VerifyFiles(options).value();
  const audit::Verdict verdict =
      result.items.at(0).judgement.verdict;  // on the receipt; what follows is about the log
  if (verdict == audit::Verdict::kGood) return Found::kRecorded;
  if (verdict == audit::Verdict::kBad) return Found::kMissing;
  return result.verdict() == audit::Verdict::kBad ? Found::kLogIsDamaged : Found::kNotDueYet;
}

// A log with a finished request, the victim, and another finished request; and what their clients were given.
class OmissionTest : public testing::Test {
 protected:
  ledger::LedgerOptions Options(const std::string& dir, const Clock& clock) {
    ledger::LedgerOptions options = ledger::TestOptions(dir);
    options.clock = &clock;
    options.resolved_within_us = kPromiseUs;
    return options;
  }

  void Begin(ledger::Ledger& log, uint64_t seq) {
    auto receipt = ledger::BeginAndWait(log, ledger::TestBegin(seq));
    ASSERT_TRUE(receipt);
    receipts_[seq] = receipt->header;
  }

  // Runs the log up to a crash; victim_ends: its record was written, too. dir_ is what the crash left.
  void RunUntilCrash(bool victim_ends) {
    auto log = ledger::OpenTestLedger(Options(folder_ / "running", kBegun));
    vkey_ = log->vkey();
    ASSERT_TRUE(log->BeginBoot(ledger::TestBoot(), ledger::TestBootBody()));
    for (uint64_t seq : {1, 2, 3}) Begin(*log, seq);
    for (uint64_t seq : {1, 2, 3}) {
      if (seq == kVictim && !victim_ends) continue;
      ASSERT_TRUE(ledger::FinishAndWait(*log, seq, End(seq)));
    }
    io::CopyFolder(folder_ / "running", dir_);
  }

  static std::string End(uint64_t seq) {
    record::Request request = record::SampleRequest();
    request.id = ledger::TestBegin(seq).id;
    return record::Encode({ledger::TestBoot(), kBegunUs + 1000, request});
  }

  // The log goes on after the crash, beyond every promise, and is closed.
  void GoOn(const std::string& dir) {
    auto log = ledger::OpenTestLedger(Options(dir, kLater));
    ASSERT_TRUE(log->BeginBoot(ledger::TestBoot(2), ledger::TestBootBody()));
    log->Close();
  }

  Found JudgeVictim(const std::string& dir) { return Judge(dir + "/public", vkey_, receipts_[kVictim]); }

  io::TempFolder folder_;
  const std::string dir_ = folder_ / "log";
  std::string vkey_;
  std::map<uint64_t, std::string> receipts_;  // begin receipts by seq
};

// Writes the segments of a write-ahead log again, checksums and all, without the victim's begin. Returns how many it left out.
int DropBegin(const std::string& wal) {
  int dropped = 0;
  const std::vector<std::string> names = io::PosixFileSystem().List(wal).value();
  for (const std::string& name : names) {
    const std::string path = wal + "/" + name;
    const std::string bytes = io::ReadFile(io::PosixFileSystem(), path).value();
    auto header = ledger::DecodeSegmentHeader(bytes).value();
    if (!header) continue;
    std::string out = bytes.substr(0, ledger::kSegmentHeaderBytes);
    const auto content = ledger::ParseSegment(bytes, header->salt, std::nullopt).value();
    for (const ledger::Group& group : content.groups) {
      ledger::GroupBuilder kept;
      for (const ledger::Frame& frame : group.frames) {
        if (frame.type == ledger::FrameType::kBegin && frame.key.seq == kVictim) {
          ++dropped;
        } else if (frame.type == ledger::FrameType::kBegin) {
          kept.AddBegin(frame.key.boot, frame.begin);
        } else if (frame.type == ledger::FrameType::kEnd) {
          kept.AddEnd(frame.key, frame.leaf);
        } else {
          kept.AddLeaf(frame.leaf);
        }
      }
      out += kept.Finish(header->salt, group.number, group.first_leaf);
    }
    out.resize(std::max(out.size(), bytes.size()));
    auto file = io::PosixFileSystem().Open(path, io::OpenMode::kReadWrite).value();
    EXPECT_TRUE(file->WriteAt(0, out));
  }
  return dropped;
}

TEST_F(OmissionTest, WithoutAnAttackTheRequestIsLostAndRecorded) {
  RunUntilCrash(false);
  GoOn(dir_);
  EXPECT_EQ(JudgeVictim(dir_), Found::kRecorded);
}

TEST_F(OmissionTest, BeforeItsTimeAMissingRecordProvesNothing) {
  auto log = ledger::OpenTestLedger(Options(dir_, kBegun));
  vkey_ = log->vkey();
  ASSERT_TRUE(log->BeginBoot(ledger::TestBoot(), ledger::TestBootBody()));
  Begin(*log, kVictim);
  ASSERT_TRUE(log->CheckpointAtLeast(1, ledger::kLong));
  EXPECT_EQ(JudgeVictim(dir_), Found::kNotDueYet);
}

TEST_F(OmissionTest, ADroppedBeginIsProvedByItsReceipt) {
  RunUntilCrash(false);
  ASSERT_EQ(DropBegin(dir_ + "/wal"), 1);
  GoOn(dir_);  // the server itself sees nothing wrong: the begin was in no checkpoint
  EXPECT_EQ(JudgeVictim(dir_), Found::kMissing);
  EXPECT_EQ(Judge(dir_ + "/public", vkey_, receipts_[1]), Found::kRecorded);
}

TEST_F(OmissionTest, ADeletedRecordIsADamagedLog) {
  RunUntilCrash(true);
  GoOn(dir_);
  ASSERT_EQ(JudgeVictim(dir_), Found::kRecorded);
  const std::string bundles = dir_ + "/public/tile/entries/000.p";
  const std::vector<std::string> widths = io::PosixFileSystem().List(bundles).value();
  for (const std::string& width : widths) {
    const std::string path = bundles + "/" + width;
    const auto leaves = bundle::SplitEntries(io::ReadFile(io::PosixFileSystem(), path).value()).value();
    std::string left;
    for (const std::string& leaf : leaves)
      if (leaf != End(kVictim)) bundle::AppendEntry(left, leaf);
    std::filesystem::remove(path);
    ASSERT_TRUE(io::PosixFileSystem().Open(path, io::OpenMode::kCreate).value()->WriteAt(0, left));
  }
  EXPECT_EQ(JudgeVictim(dir_), Found::kLogIsDamaged);
}

TEST_F(OmissionTest, ARewrittenLogIsProvedByAReceipt) {
  RunUntilCrash(true);
  GoOn(dir_);
  const std::string forged = folder_ / "forged";
  ASSERT_TRUE(io::PosixFileSystem().MakeFolders(forged));
  std::filesystem::copy_file(dir_ + "/key", forged + "/key");  // the real one
  {
    auto log = ledger::OpenTestLedger(Options(dir_, kLater));
    auto forger = ledger::OpenTestLedger(Options(forged, kLater));
    ASSERT_EQ(forger->vkey(), vkey_);
    for (const std::string& leaf : ledger::AllLeaves(*log)) {
      if (leaf == End(kVictim)) continue;
      ASSERT_TRUE(forger->AppendAndWait(leaf));
    }
    forger->Close();
  }
  EXPECT_EQ(Judge(forged + "/public", vkey_, receipts_[3]), Found::kRecorded);  // a whole log, signed, and
  EXPECT_EQ(JudgeVictim(forged), Found::kMissing);  // a promise of the same key that it breaks
}

}  // namespace
}  // namespace beleg
