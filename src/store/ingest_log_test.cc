#include "store/ingest_log.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "base/thread.h"
#include "io/simulated_disk.h"
#include "io/testing.h"

namespace beleg::store {
namespace {

class IngestLogTest : public ::testing::Test {
 protected:
  IngestLogOptions Options(io::FileSystem& fs = io::PosixFileSystem()) {
    return {.fs = &fs, .dir = folder_ / "ingest", .free_bytes_min = 0};
  }
  // Opens the log, keeping the payloads it replays.
  std::unique_ptr<IngestLog> Open(IngestLogOptions options) {
    replayed_.clear();
    auto log = IngestLog::Open(std::move(options), [&](const Frame& frame) -> Result<void> {
      replayed_.push_back(frame.payload);
      times_.push_back(frame.received_us);
      return {};
    });
    if (log) return *std::move(log);
    error_ = log.error();
    return nullptr;
  }
  std::string Segment(int number) { return folder_ / "ingest/" + SegmentName(number); }

  io::TempFolder folder_;
  std::vector<std::string> replayed_;
  std::vector<int64_t> times_;
  Error error_{ErrorCode::kInternal, "no error"};
};

Frame MakeFrame(std::string payload, int64_t received_us = 5) {
  return {FrameKind::kTraces, received_us, std::move(payload)};
}

TEST_F(IngestLogTest, RestartGivesBackEveryFrameInOrder) {
  {
    auto log = Open(Options());
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(log->Append(MakeFrame("frame " + std::to_string(i), i)));
  }
  auto log = Open(Options());
  ASSERT_EQ(replayed_.size(), 50u);
  EXPECT_EQ(replayed_[49], "frame 49");
  EXPECT_EQ(times_[49], 49);
  ASSERT_TRUE(log->Append(MakeFrame("after")));
  log.reset();
  Open(Options());
  ASSERT_EQ(replayed_.size(), 51u);
  EXPECT_EQ(replayed_[50], "after");
}

TEST_F(IngestLogTest, EveryAcknowledgedFrameIsInACopyOfTheDiskAtThatMoment) {
  auto log = Open(Options());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(log->Append(MakeFrame(std::string(1000, 'a'))));
    io::TempFolder crash;
    io::CopyFolder(folder_ / "ingest", crash / "ingest");
    size_t count = 0;
    auto other = IngestLog::Open({.fs = &io::PosixFileSystem(), .dir = crash / "ingest", .free_bytes_min = 0},
                                 [&](const Frame&) -> Result<void> { return ++count, Result<void>(); });
    ASSERT_TRUE(other);
    EXPECT_EQ(count, static_cast<size_t>(i + 1));
  }
}

TEST_F(IngestLogTest, CutAtAnyByteKeepsTheFramesBeforeIt) {
  std::vector<uint64_t> ends = {kSegmentMagic.size()};
  {
    auto log = Open(Options());
    for (int i = 0; i < 3; ++i) {
      Frame frame = MakeFrame("payload " + std::to_string(i));
      ASSERT_TRUE(log->Append(frame));
      ends.push_back(ends.back() + EncodeFrame(frame).size());
    }
  }
  const std::string whole = *io::ReadFile(io::PosixFileSystem(), Segment(1));
  ASSERT_EQ(whole.size(), ends.back());
  for (size_t cut = 0; cut <= whole.size(); ++cut) {
    std::filesystem::resize_file(Segment(1), 0);
    ASSERT_TRUE((*io::PosixFileSystem().Open(Segment(1), io::OpenMode::kReadWrite))
                    ->WriteAt(0, whole.substr(0, cut)));
    auto log = Open(Options());
    ASSERT_NE(log, nullptr) << "cut at " << cut << ": " << error_.message;
    size_t want = 0;
    while (want < 3 && ends[want + 1] <= cut) ++want;
    ASSERT_EQ(replayed_.size(), want) << "cut at " << cut;
    ASSERT_TRUE(log->Append(MakeFrame("new")));
    log.reset();
    Open(Options());
    ASSERT_EQ(replayed_.size(), want + 1) << "cut at " << cut;
    EXPECT_EQ(replayed_.back(), "new");
  }
}

TEST_F(IngestLogTest, FlippedByteEndsTheLogThere) {
  {
    auto log = Open(Options());
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(log->Append(MakeFrame("payload")));
  }
  const size_t frame = EncodeFrame(MakeFrame("payload")).size();
  auto file = *io::PosixFileSystem().Open(Segment(1), io::OpenMode::kReadWrite);
  ASSERT_TRUE(file->WriteAt(kSegmentMagic.size() + frame + 12, "X"));
  Open(Options());
  EXPECT_EQ(replayed_.size(), 1u);
}

TEST_F(IngestLogTest, ConcurrentAppendsShareGroupsAndAllArrive) {
  MetricRegistry metrics;
  IngestLogOptions options = Options();
  options.metrics = &metrics;
  auto log = Open(options);
  {
    std::vector<Thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back("append", [&, t](std::stop_token) {
        for (int i = 0; i < 100; ++i) ASSERT_TRUE(log->Append(MakeFrame(fmt::format("{}/{}", t, i))));
      });
    }
  }
  log.reset();
  Open(Options());
  EXPECT_EQ(std::set<std::string>(replayed_.begin(), replayed_.end()).size(), 800u);
  EXPECT_LT(metrics.AddCounter("beleg_store_ingest_groups_total", "Groups of frames synced to disk.").value(),
            800);
}

TEST_F(IngestLogTest, FullSegmentIsFollowedByANewOne) {
  IngestLogOptions options = Options();
  options.segment_bytes = 1000;
  {
    auto log = Open(options);
    for (int i = 0; i < 10; ++i)
      ASSERT_TRUE(log->Append(MakeFrame(std::string(400, static_cast<char>('a' + i)))));
  }
  EXPECT_TRUE(std::filesystem::exists(Segment(4)));
  Open(options);
  ASSERT_EQ(replayed_.size(), 10u);
  EXPECT_EQ(replayed_[9], std::string(400, 'j'));
}

TEST_F(IngestLogTest, OldestSegmentsGoWhenAllAreTooLarge) {
  IngestLogOptions options = Options();
  options.segment_bytes = 1'000;
  options.bytes_max = 3'500;
  {
    auto log = Open(options);
    for (int i = 0; i < 10; ++i)
      ASSERT_TRUE(log->Append(MakeFrame(std::to_string(i) + std::string(1'000, 'x'))));
  }
  auto log = Open(options);
  ASSERT_EQ(replayed_.size(), 3u);
  EXPECT_EQ(replayed_.front()[0], '7');
  EXPECT_EQ(replayed_.back()[0], '9');
  log.reset();
  options.bytes_max = 1;  // the newest stays, whatever its size
  Open(options);
  EXPECT_FALSE(std::filesystem::exists(Segment(10)));
  EXPECT_TRUE(std::filesystem::exists(Segment(11)));
}

TEST_F(IngestLogTest, DamageInAnEarlierSegmentIsNamed) {
  IngestLogOptions options = Options();
  options.segment_bytes = 100;
  {
    auto log = Open(options);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(log->Append(MakeFrame(std::string(100, 'a'))));
  }
  ASSERT_TRUE((*io::PosixFileSystem().Open(Segment(1), io::OpenMode::kReadWrite))->WriteAt(50, "X"));
  EXPECT_EQ(Open(options), nullptr);
  EXPECT_EQ(error_.code, ErrorCode::kDataLoss);
  EXPECT_NE(error_.message.find("00000001.log: byte 16"), std::string::npos) << error_.message;
}

TEST_F(IngestLogTest, OtherFormatIsRefused) {
  std::filesystem::create_directories(folder_ / "ingest");
  ASSERT_TRUE(
      (*io::PosixFileSystem().Open(Segment(1), io::OpenMode::kCreate))->WriteAt(0, "beleg-ingest/2\n\nxxxx"));
  EXPECT_EQ(Open(Options()), nullptr);
  EXPECT_EQ(error_.code, ErrorCode::kUnimplemented);
}

TEST_F(IngestLogTest, FullDiskRefusesAndHeals) {
  std::atomic<bool> full = false;
  io::FaultFileSystem fs([&](io::FaultPoint point, const std::string&) -> Result<void> {
    if (full && (point == io::FaultPoint::kAllocate || point == io::FaultPoint::kWrite)) {
      return Fail(ErrorCode::kResourceExhausted, "no space");
    }
    return {};
  });
  auto log = Open(Options(fs));
  ASSERT_TRUE(log->Append(MakeFrame("one")));
  full = true;
  EXPECT_EQ(log->Append(MakeFrame("two")).error().code, ErrorCode::kResourceExhausted);
  full = false;
  ASSERT_TRUE(log->Append(MakeFrame("three")));
  log.reset();
  Open(Options());
  EXPECT_EQ(replayed_, (std::vector<std::string>{"one", "three"}));
}

TEST_F(IngestLogTest, LittleRoomRefusesBeforeTheDiskIsFull) {
  io::FaultFileSystem fs([](io::FaultPoint, const std::string&) -> Result<void> { return {}; });
  IngestLogOptions options = Options(fs);
  options.free_bytes_min = 1000;
  auto log = Open(options);
  fs.free_bytes = 999;
  EXPECT_EQ(log->Append(MakeFrame("x")).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(log->Health().error().code, ErrorCode::kResourceExhausted);
  fs.free_bytes = 1000;
  EXPECT_TRUE(log->Append(MakeFrame("x")));
  EXPECT_TRUE(log->Health());
}

TEST_F(IngestLogTest, ClosedLogIsUnavailable) {
  auto log = Open(Options());
  log->Close();
  EXPECT_EQ(log->Append(MakeFrame("x")).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(log->Health().error().code, ErrorCode::kUnavailable);
}

TEST_F(IngestLogTest, FailedSyncStopsAndAcknowledgesNothing) {
  for (io::FaultPoint broken : {io::FaultPoint::kSync, io::FaultPoint::kWrite}) {
    std::atomic<bool> failing = false;
    io::FaultFileSystem fs([&](io::FaultPoint point, const std::string&) -> Result<void> {
      if (failing && point == broken) return Fail(ErrorCode::kDataLoss, "input/output error");
      return {};
    });
    int stops = 0;
    IngestLogOptions options = Options(fs);
    options.on_fatal = [&](const Error&) { ++stops; };
    auto log = Open(options);
    ASSERT_TRUE(log->Append(MakeFrame("x")));
    failing = true;
    EXPECT_EQ(log->Append(MakeFrame("y")).error().code, ErrorCode::kUnavailable);
    failing = false;
    EXPECT_EQ(log->Append(MakeFrame("z")).error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(log->Health().error().code, ErrorCode::kUnavailable);
    log.reset();
    EXPECT_EQ(stops, 1);
  }
}

using IngestLogDeathTest = IngestLogTest;

TEST_F(IngestLogDeathTest, FailedSyncEndsTheProcess) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        std::atomic<bool> failing = false;
        io::FaultFileSystem fs([&](io::FaultPoint point, const std::string&) -> Result<void> {
          if (failing && point == io::FaultPoint::kSync)
            return Fail(ErrorCode::kDataLoss, "input/output error");
          return {};
        });
        auto log = Open(Options(fs));
        failing = true;
        std::ignore = log->Append(MakeFrame("x"));
      },
      ::testing::ExitedWithCode(74), "disk_failed");
}

// The disk dies at some call, then the power goes: what chance leaves of the rest is in SimulatedDisk.
TEST(IngestLogPower, WhatWasAcknowledgedSurvivesEveryPowerCut) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    io::SimulatedDisk disk(seed);
    std::vector<std::string> acknowledged;
    uint64_t sent = 0;
    for (int life = 0; life < 3; ++life) {
      std::vector<std::string> replayed;
      IngestLogOptions options{.fs = &disk, .dir = "/data/ingest", .segment_bytes = 300, .free_bytes_min = 0};
      options.on_fatal = [](const Error&) {};
      auto log = IngestLog::Open(options, [&](const Frame& frame) -> Result<void> {
        replayed.push_back(frame.payload);
        return {};
      });
      ASSERT_TRUE(log) << seed << ": " << log.error().message;
      // Acknowledged ones are all there in order; one more may be, whose answer was lost.
      ASSERT_LE(replayed.size(), acknowledged.size() + 1) << seed;
      ASSERT_TRUE(std::equal(
          acknowledged.begin(), acknowledged.end(), replayed.begin(),
          replayed.begin() + static_cast<ptrdiff_t>(std::min(replayed.size(), acknowledged.size()))))
          << seed << ": " << acknowledged.size() << " acknowledged, " << replayed.size() << " there";
      acknowledged = replayed;
      const uint64_t last_call = disk.calls() + 1 + (seed * 7 + static_cast<uint64_t>(life) * 13) % 40;
      disk.SetFault(io::FailsFrom(last_call));
      for (Result<void> done; done;) {
        ++sent;
        std::string payload = fmt::format("{} {}", sent, std::string(sent % 90, 'x'));
        done = (*log)->Append(MakeFrame(payload));
        if (done) acknowledged.push_back(std::move(payload));
      }
      log->reset();
      disk.SetFault({});
      // After a kill the cache still shows what no sync reached; once replayed, it must last too.
      (seed + static_cast<uint64_t>(life)) % 2 == 0 ? disk.Kill() : disk.CutPower();
    }
  }
}

}  // namespace
}  // namespace beleg::store
