#include "ledger/wal.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "io/testing.h"
#include "ledger/wal_recovery.h"

namespace beleg::ledger {
namespace {

constexpr uint64_t kSegmentBytes = 4096;  // groups of at most 1,024

BootId Boot(uint8_t value) { return BootId{{value}}; }

BeginFrame BeginOf(uint64_t seq) {
  BeginFrame begin;
  begin.id.seq = seq;
  begin.id.boot_index = 17;
  begin.id.trace_id.bytes = {1, 2, 3};
  begin.id.parent_span_id.bytes = {4, 5};
  begin.id.operation = record::Operation::kTextCompletion;
  begin.id.caller = "team-a";
  begin.request_id.bytes = {9, static_cast<uint8_t>(seq)};
  begin.start_us = 1'700'000'000'000'000;
  return begin;
}

class WalTest : public testing::Test {
 protected:
  WalOptions Options() {
    return {.fs = &io::PosixFileSystem(),
            .folder = folder_.path(),
            .rng = &rng_,
            .segment_bytes = kSegmentBytes,
            .old_segments = {},
            .untouched = {},
            .first_segment = 1,
            .first_group = 1};
  }
  std::unique_ptr<Wal> Start() { return Wal::Start(Options()).value(); }
  // One group with one leaf.
  void AppendLeaf(Wal& wal, const std::string& leaf) {
    GroupBuilder group;
    group.AddLeaf(leaf);
    ASSERT_TRUE(wal.Append(std::move(group), next_leaf_++));
  }
  Result<WalContent> Read(uint64_t from_leaf = 0) {
    return ReadWal(io::PosixFileSystem(), folder_.path(), from_leaf);
  }
  std::string Path(uint64_t number) { return folder_ / SegmentName(number); }
  void Overwrite(uint64_t number, uint64_t offset, std::string_view bytes) {
    auto file = io::PosixFileSystem().Open(Path(number), io::OpenMode::kReadWrite).value();
    ASSERT_TRUE(file->WriteAt(offset, bytes));
  }

  io::TempFolder folder_;
  SeededRng rng_{1};
  uint64_t next_leaf_ = 0;
};

TEST_F(WalTest, GivesBackLeavesInOrder) {
  auto wal = Start();
  for (const char* leaf : {"a", "b", "c"}) AppendLeaf(*wal, leaf);
  auto content = Read();
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_EQ(content->leaves, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(content->end_leaf, 3u);
  EXPECT_EQ(content->next_group, 4u);
  EXPECT_EQ(Read(2)->leaves, std::vector<std::string>{"c"});
  EXPECT_EQ(Read(2)->first_leaf, 2u);
}

TEST_F(WalTest, KeepsBeginsUntilTheirEnd) {
  auto wal = Start();
  GroupBuilder group;
  group.AddBegin(Boot(1), BeginOf(1));
  group.AddBegin(Boot(1), BeginOf(2));
  group.AddEnd({Boot(1), 1}, "ended");
  group.AddBegin(Boot(2), BeginOf(1));
  ASSERT_TRUE(wal->Append(std::move(group), 0));
  auto content = Read().value();
  EXPECT_EQ(content.leaves, std::vector<std::string>{"ended"});
  ASSERT_EQ(content.open.size(), 2u);
  const auto& [key, begin] = *content.open.begin();
  EXPECT_EQ(key, (RequestKey{Boot(1), 2}));
  const BeginFrame want = BeginOf(2);
  EXPECT_EQ(begin.id.seq, 2u);
  EXPECT_EQ(begin.id.boot_index, want.id.boot_index);
  EXPECT_EQ(begin.id.trace_id, want.id.trace_id);
  EXPECT_EQ(begin.id.parent_span_id, want.id.parent_span_id);
  EXPECT_EQ(begin.id.operation, want.id.operation);
  EXPECT_EQ(begin.id.caller, want.id.caller);
  EXPECT_EQ(begin.request_id, want.request_id);
  EXPECT_EQ(begin.start_us, want.start_us);
}

TEST_F(WalTest, GoesOnInTheNextSegment) {
  auto wal = Start();
  ASSERT_TRUE(wal->AddSpare(Wal::Making::kAhead));
  std::vector<std::string> want;
  for (int i = 0; i < 20; ++i) {
    want.push_back(std::string(700, static_cast<char>('a' + i)));
    AppendLeaf(*wal, want.back());
  }
  EXPECT_GE(wal->sealed().size(), 3u);
  EXPECT_EQ(wal->sealed()[0].end_leaf, 5u);
  EXPECT_EQ(Read()->leaves, want);
  ASSERT_TRUE(wal->RemoveOldest());
  EXPECT_EQ(Read(5)->leaves.size(), 15u);
  EXPECT_EQ(Read(0)->first_leaf, 5u);
}

TEST_F(WalTest, RoomCountsSparesAndNotTheWasteAtTheEnd) {
  auto wal = Start();
  const uint64_t before = wal->room_bytes();
  EXPECT_EQ(before, kSegmentBytes - kSegmentHeaderBytes - wal->group_bytes_max());
  ASSERT_TRUE(wal->AddSpare(Wal::Making::kAhead));
  EXPECT_EQ(wal->room_bytes(), 2 * before);
  AppendLeaf(*wal, "x");
  EXPECT_EQ(wal->room_bytes(), 2 * before - 48);
}

TEST_F(WalTest, ATornLastGroupIsDroppedAtEachByte) {
  auto wal = Start();
  AppendLeaf(*wal, "acknowledged");
  const size_t end = Read()->tail.size();
  AppendLeaf(*wal, "torn");
  const std::string whole = io::ReadFile(io::PosixFileSystem(), Path(1)).value();
  const size_t torn_end = Read()->tail.size();
  for (size_t cut = end; cut < torn_end - 7; ++cut) {  // the last 7 are padding
    std::string torn = whole;
    std::fill(torn.begin() + static_cast<ptrdiff_t>(cut), torn.end(), '\0');
    Overwrite(1, 0, torn);
    auto content = Read();
    ASSERT_TRUE(content) << "cut at " << cut << ": " << content.error().message;
    EXPECT_EQ(content->leaves, std::vector<std::string>{"acknowledged"}) << "cut at " << cut;
    EXPECT_EQ(content->next_group, 2u);
  }
}

TEST_F(WalTest, EveryDamagedByteBeforeTheLastGroupIsDataLoss) {
  auto wal = Start();
  for (const char* leaf : {"first", "second", "third"}) AppendLeaf(*wal, leaf);
  const std::string whole = io::ReadFile(io::PosixFileSystem(), Path(1)).value();
  for (size_t at = 0; at < kSegmentHeaderBytes + 2 * 56; ++at) {
    const bool is_padding = at >= kSegmentHeaderBytes && (at - kSegmentHeaderBytes) % 56 >= 50;
    std::string bad = whole;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    Overwrite(1, 0, bad);
    auto content = Read();
    if (is_padding) continue;
    ASSERT_FALSE(content) << "byte " << at;
    EXPECT_TRUE(content.error().code == ErrorCode::kDataLoss || at == 8)
        << "byte " << at << content.error().message;
    EXPECT_NE(content.error().message.find("00000001.wal"), std::string::npos);
  }
}

TEST_F(WalTest, DamageAtTheEndOfASegmentIsSeenByTheNextOne) {
  auto wal = Start();
  for (int i = 0; i < 6; ++i) AppendLeaf(*wal, std::string(700, 'x'));
  ASSERT_EQ(wal->sealed().size(), 1u);
  const size_t last_group = kSegmentHeaderBytes + 4 * 752;
  Overwrite(1, last_group + 100, "?");
  auto content = Read();
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code, ErrorCode::kDataLoss);
}

TEST_F(WalTest, ATailDroppedByAFormerRecoveryDoesNotCountAsDamage) {
  auto wal = Start();
  AppendLeaf(*wal, "kept");
  AppendLeaf(*wal, "torn");
  Overwrite(1, kSegmentHeaderBytes + 56 + 45, "?");
  WalOptions options = Options();
  options.first_segment = 2;
  options.first_group = 2;  // the number of the torn one is given again
  auto next = Wal::Start(options).value();
  next_leaf_ = 1;
  AppendLeaf(*next, "after");
  EXPECT_EQ(Read()->leaves, (std::vector<std::string>{"kept", "after"}));
}

TEST_F(WalTest, AnUnfinishedSegmentIsRemoved) {
  auto wal = Start();
  AppendLeaf(*wal, "a");
  ASSERT_TRUE(io::PosixFileSystem().Open(Path(2), io::OpenMode::kCreate));
  ASSERT_TRUE(io::PosixFileSystem().Open(Path(3), io::OpenMode::kCreate).value()->Allocate(0, 4096));
  Overwrite(3, 0, "BELEGWA");
  auto content = Read().value();
  EXPECT_EQ(content.leaves, std::vector<std::string>{"a"});
  EXPECT_EQ(content.segments, std::vector<uint64_t>{1});
  EXPECT_EQ(content.torn, (std::vector<uint64_t>{2, 3}));
  ASSERT_TRUE(RemoveTorn(io::PosixFileSystem(), folder_.path(), content));
  EXPECT_EQ(Read()->leaves, std::vector<std::string>{"a"});
  EXPECT_TRUE(Read()->torn.empty());
}

TEST_F(WalTest, ASegmentThatNothingWasWrittenToIsUsedAgain) {
  auto wal = Start();
  AppendLeaf(*wal, "a");
  ASSERT_TRUE(wal->AddSpare(Wal::Making::kAhead));
  ASSERT_TRUE(wal->AddSpare(Wal::Making::kAhead));
  const WalContent content = Read().value();
  ASSERT_EQ(content.untouched.size(), 2u);
  EXPECT_EQ(content.untouched[1].number, 3u);
  WalOptions options = Options();
  options.old_segments = {{1, 1}};
  options.untouched = content.untouched;
  options.first_segment = 4;
  options.first_group = 2;
  auto next = Wal::Start(options).value();
  EXPECT_EQ(next->spare_count(), 1u);
  AppendLeaf(*next, "b");
  const WalContent after = Read().value();
  EXPECT_EQ(after.leaves, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(after.segments, (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(after.untouched.size(), 1u);
}

TEST_F(WalTest, RewrittenTailReadsTheSame) {
  auto wal = Start();
  for (const char* leaf : {"a", "b"}) AppendLeaf(*wal, leaf);
  ASSERT_TRUE(RewriteTail(io::PosixFileSystem(), folder_.path(), Read().value()));
  EXPECT_EQ(Read()->leaves, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(io::ReadFile(io::PosixFileSystem(), Path(1))->size(), Read()->tail.size());
}

TEST_F(
    WalTest,
    TheTailIsRewrittenFromWhatWasRead) {  // found by the simulation, where the page cache is read anew in between
  auto wal = Start();
  AppendLeaf(*wal, "a");
  const WalContent content = Read().value();
  Overwrite(1, kSegmentHeaderBytes, std::string(56, '\0'));
  ASSERT_TRUE(RewriteTail(io::PosixFileSystem(), folder_.path(), content));
  EXPECT_EQ(Read()->leaves, std::vector<std::string>{"a"});
}

TEST_F(WalTest, ANewerVersionIsRefused) {
  auto wal = Start();
  std::string header = EncodeSegmentHeader({.number = 1, .salt = 1});
  header[8] = 2;
  std::string checksum;
  PutLittle32(checksum, Crc32c(std::string_view(header).substr(0, 28)));
  header.replace(28, 4, checksum);
  Overwrite(1, 0, header);
  EXPECT_EQ(Read().error().code, ErrorCode::kUnimplemented);
}

TEST_F(WalTest, AFailedSyncIsDataLossWhateverTheDiskSays) {
  bool broken = false;
  io::FaultFileSystem fs([&](io::FaultPoint point, const std::string& path) -> Result<void> {
    if (broken && point == io::FaultPoint::kSync)
      return Fail(ErrorCode::kResourceExhausted, "{}: full", path);
    return {};
  });
  WalOptions options = Options();
  options.fs = &fs;
  auto wal = Wal::Start(options).value();
  broken = true;
  GroupBuilder group;
  group.AddLeaf("a");
  EXPECT_EQ(wal->Append(std::move(group), 0).error().code, ErrorCode::kDataLoss);
}

TEST_F(WalTest, AFullDiskGivesNoSpareAndLeavesNoFile) {
  io::FaultFileSystem fs([&](io::FaultPoint point, const std::string& path) -> Result<void> {
    if (point == io::FaultPoint::kAllocate && path != Path(1))
      return Fail(ErrorCode::kResourceExhausted, "{}: full", path);
    return {};
  });
  WalOptions options = Options();
  options.fs = &fs;
  auto wal = Wal::Start(options).value();
  EXPECT_EQ(wal->AddSpare(Wal::Making::kAhead).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(fs.List(folder_.path())->size(), 1u);
}

TEST(SegmentName, IsReadBack) {
  EXPECT_EQ(ParseSegmentName("00000017.wal"), 17u);
  EXPECT_EQ(ParseSegmentName("123456789.wal"), 123'456'789u);
  for (const char* name : {"17.wal", "00000017.wal.tmp", "0000001x.wal", ".wal", "LOCK"})
    EXPECT_EQ(ParseSegmentName(name), std::nullopt) << name;
}

}  // namespace
}  // namespace beleg::ledger
