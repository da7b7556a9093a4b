#include "hostlog/host_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/testing.h"

namespace beleg::hostlog {
namespace {

using ::testing::ElementsAre;

std::unique_ptr<HostLog> OpenLog(const std::string& dir) {
  auto log = HostLog::Open({.dir = dir, .version = "0.1.0", .settings = {{"retention", "184d"}}});
  EXPECT_TRUE(log) << log.error().message;
  return std::move(*log);
}

std::vector<record::AuditRecord> Records(HostLog& log) {
  std::vector<record::AuditRecord> out;
  auto leaves = log.ledger().Read(0, 1'000, 1 << 20);
  for (const ledger::Leaf& leaf : *leaves) out.push_back(*record::Decode(leaf.bytes));
  return out;
}

std::vector<std::string> Types(HostLog& log) {
  std::vector<std::string> out;
  for (const record::AuditRecord& record : Records(log)) out.emplace_back(record::TypeName(record.body));
  return out;
}

TEST(HostLog, BeginsWithBootKeyAndConfig) {
  io::TempFolder folder;
  auto log = OpenLog(folder / "log");
  EXPECT_THAT(Types(*log), ElementsAre("boot", "key", "config"));
  EXPECT_EQ(std::get<record::Boot>(Records(*log)[0].body).service_name, "beleg-store");
}

TEST(HostLog, ReadsAreSummedUp) {
  io::TempFolder folder;
  auto log = OpenLog(folder / "log");
  for (int i = 0; i < 3; ++i) log->CountRead("auditor", "records");
  log->CountRead("auditor", "spans");
  log->CountRead("anonymous", "records");
  log->Close();
  auto records = Records(*log);
  EXPECT_THAT(Types(*log), ElementsAre("boot", "key", "config", "read", "read", "read", "shutdown"));
  const auto& read = std::get<record::ReadAccess>(records[4].body);
  EXPECT_EQ(read.reader, "auditor");
  EXPECT_EQ(read.what, "records");
  EXPECT_EQ(read.requests, 3);
  EXPECT_GT(read.first_us, 0);
  EXPECT_LE(read.first_us, records[4].time_us);
}

TEST(HostLog, ReadsAreWrittenWhileItRuns) {
  io::TempFolder folder;
  auto log = HostLog::Open({.dir = folder / "log", .read_interval = std::chrono::milliseconds(5)});
  ASSERT_TRUE(log);
  (*log)->CountRead("auditor", "records");
  EXPECT_EQ((*log)->ledger().WaitForSize(4, std::chrono::milliseconds(60'000)), 4u);
  EXPECT_THAT(Types(**log), ElementsAre("boot", "key", "config", "read"));
}

TEST(HostLog, ActsAreDurableAndTheLogGoesOnAfterARestart) {
  io::TempFolder folder;
  std::string vkey;
  {
    auto log = OpenLog(folder / "log");
    vkey = log->ledger().vkey();
    record::Prune prune;
    prune.ground = "retention";
    EXPECT_EQ(log->Append(prune), 3u);
  }
  auto log = OpenLog(folder / "log");
  EXPECT_EQ(log->ledger().vkey(), vkey);
  EXPECT_THAT(Types(*log), ElementsAre("boot", "key", "config", "prune", "shutdown", "boot", "config"));
  EXPECT_TRUE(std::get<record::Boot>(Records(*log)[5].body).previous_clean);
}

TEST(HostLog, WhatIsOnRecordIsReplayedFromAnyLeaf) {
  io::TempFolder folder;
  auto log = OpenLog(folder / "log");
  for (int i = 0; i < 300; ++i) log->CountRead(fmt::format("reader-{}", i), "spans");
  log->WriteLast();
  std::vector<uint64_t> leaves;
  const auto take = [&](uint64_t index, const record::AuditRecord&) -> Result<void> {
    leaves.push_back(index);
    return {};
  };
  const uint64_t size = log->ledger().durable_size();
  ASSERT_GT(size, 300u) << "more than are read at once";
  EXPECT_EQ(log->Replay(0, take), size);
  ASSERT_EQ(leaves.size(), size);
  for (uint64_t i = 0; i < size; ++i) EXPECT_EQ(leaves[i], i);
  leaves.clear();
  EXPECT_EQ(log->Replay(size - 1, take), size);
  EXPECT_THAT(leaves, ElementsAre(size - 1));
  leaves.clear();
  EXPECT_EQ(log->Replay(size + 5, take), size) << "it is shorter than that";
  EXPECT_TRUE(leaves.empty());
  const auto stop = [](uint64_t, const record::AuditRecord&) -> Result<void> {
    return Fail(ErrorCode::kCancelled, "enough");
  };
  EXPECT_EQ(log->Replay(0, stop).error().code, ErrorCode::kCancelled);
}

TEST(HostLog, ManyReadersShareAName) {
  io::TempFolder folder;
  auto log = OpenLog(folder / "log");
  for (size_t i = 0; i < kReadersMax + 5; ++i) log->CountRead(fmt::format("reader-{}", i), "spans");
  log->Close();
  EXPECT_EQ(std::get<record::ReadAccess>(Records(*log)[3].body).reader, "other");
  EXPECT_EQ(std::get<record::ReadAccess>(Records(*log)[3].body).requests, 5);
  EXPECT_EQ(log->ledger().durable_size(), 3 + kReadersMax + 1 + 1);
}

TEST(HostLog, ASecondOneIsRefused) {
  io::TempFolder folder;
  auto log = OpenLog(folder / "log");
  EXPECT_EQ(HostLog::Open({.dir = folder / "log"}).error().code, ErrorCode::kFailedPrecondition);
}

}  // namespace
}  // namespace beleg::hostlog
