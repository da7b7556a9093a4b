#include "store/holds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/durable.h"
#include "io/simulated_disk.h"
#include "record/request_id.h"
#include "record/testing.h"
#include "store/testing.h"

namespace beleg::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kStart = 1'700'000'000'000'000;
constexpr int64_t kMinute = 60'000'000;

record::Hold HoldOf(std::string name, std::string origin = "log") {
  record::Hold out;
  out.name = std::move(name), out.origin = std::move(origin);
  return out;
}

class HoldsTest : public ::testing::Test {
 protected:
  // The log's leaves are a minute apart.
  void SetUp() override {
    std::vector<Store::MirroredLeaf> leaves;
    for (uint64_t i = 0; i < 10; ++i) {
      record::Request request = record::SampleRequest();
      request.id.seq = i + 1;
      leaves.push_back({i, record::Encode({record::SampleBoot(), TimeOf(i), request})});
    }
    ASSERT_TRUE(store_->AddRecords("log", leaves));
    ASSERT_TRUE(io::MakeFoldersDurably(disk_, "/data"));
    ASSERT_TRUE(Open());
  }
  static int64_t TimeOf(uint64_t leaf) { return kStart + static_cast<int64_t>(leaf) * kMinute; }
  static RequestId IdOf(uint64_t leaf) {
    record::RequestIdentity id = record::SampleIdentity();
    return record::DeriveRequestId(record::SampleBoot(), leaf + 1, id.trace_id);
  }
  Result<void> Open() {
    holds_.reset();
    Holds::Options options{"/data/holds.json", &sink_, &clock_, &disk_};
    options.on_fatal = [this](const Error&) { ++disk_failures_; };
    TRY_ASSIGN(holds_, Holds::Open(std::move(options), *store_));
    return {};
  }
  std::vector<std::string> Held(const std::string& origin = "log") {
    std::vector<std::string> out;
    const auto held = holds_->HeldIn(origin);
    EXPECT_TRUE(held);
    for (const HeldLeaves& leaves : *held)
      out.push_back(
          fmt::format("{} {} {}", leaves.name, leaves.first, leaves.end ? std::to_string(*leaves.end) : "-"));
    return out;
  }
  std::vector<record::Hold> Records() {
    std::vector<record::Hold> out;
    for (const record::Body& body : sink_.Take()) out.push_back(std::get<record::Hold>(body));
    return out;
  }

  testing::TestStore store_;
  io::SimulatedDisk disk_{1};
  ManualClock clock_;
  record::RecordingSink sink_;
  int disk_failures_ = 0;
  std::unique_ptr<Holds> holds_;
};

TEST_F(HoldsTest, SetAndReleaseAreOnRecord) {
  record::Hold order = HoldOf("case-17");
  order.from_us = TimeOf(2), order.to_us = TimeOf(4);
  auto placed = holds_->Set(order);
  ASSERT_TRUE(placed) << placed.error().message;
  EXPECT_EQ(placed->record_index, 0u);
  EXPECT_EQ(placed->set_us, clock_.UnixMicros());
  order.action = "set", order.items = 3;
  EXPECT_THAT(Records(), ElementsAre(order));
  EXPECT_THAT(holds_->List(), SizeIs(1));
  EXPECT_THAT(Held(), ElementsAre("case-17 2 5"));
  auto released = holds_->Release("case-17");
  ASSERT_TRUE(released) << released.error().message;
  order.action = "released";
  EXPECT_THAT(Records(), ElementsAre(order));
  EXPECT_THAT(holds_->List(), IsEmpty());
  EXPECT_THAT(Held(), IsEmpty());
}

TEST_F(HoldsTest, OneRequestIsHeldByItsLeaf) {
  record::Hold order = HoldOf("case-18", "");
  order.request_id = IdOf(6);
  auto placed = holds_->Set(order);
  ASSERT_TRUE(placed) << placed.error().message;
  EXPECT_EQ(placed->hold.origin, "log");
  EXPECT_EQ(placed->hold.items, 1);
  EXPECT_THAT(Held(), ElementsAre("case-18 6 7"));
  EXPECT_THAT(Held("other"), IsEmpty());
}

TEST_F(HoldsTest, LeavesAndWholeLogsAreHeld) {
  record::Hold order = HoldOf("a");
  order.first_index = 3, order.end_index = 5;
  EXPECT_EQ(holds_->Set(order)->hold.items, 2);
  order = HoldOf("b");
  order.first_index = 7;
  EXPECT_EQ(holds_->Set(order)->hold.items, 3);
  EXPECT_EQ(holds_->Set(HoldOf("c"))->hold.items, 10);
  EXPECT_EQ(holds_->Set(HoldOf("d", ""))->hold.items, 10);
  EXPECT_THAT(Held(), ElementsAre("a 3 5", "b 7 -", "c 0 -", "d 0 -"));
  EXPECT_THAT(Held("other"), ElementsAre("d 0 -"));
}

TEST_F(HoldsTest, ATimeThatIsNotOverHoldsWhatIsToCome) {
  record::Hold order = HoldOf("open");
  order.from_us = TimeOf(8);
  ASSERT_TRUE(holds_->Set(order));
  order.name = "late", order.from_us = TimeOf(30), order.to_us = TimeOf(40);
  EXPECT_EQ(holds_->Set(order)->hold.items, 0);
  order.name = "before", order.from_us = 1, order.to_us = kStart - 1;
  ASSERT_TRUE(holds_->Set(order));
  order.name = "nearly", order.from_us = TimeOf(7), order.to_us = TimeOf(8);
  ASSERT_TRUE(holds_->Set(order));
  EXPECT_THAT(Held(), ElementsAre("late 10 -", "nearly 7 -", "open 8 -"))
      << "records stand nearly in the order of their times, so the last minute is not over";
}

TEST_F(HoldsTest, ARestartForgetsNothing) {
  record::Hold order = HoldOf("case-18", "");
  order.request_id = IdOf(6);
  ASSERT_TRUE(holds_->Set(order));
  order = HoldOf("case-19");
  order.from_us = TimeOf(1), order.to_us = TimeOf(2);
  ASSERT_TRUE(holds_->Set(order));
  const wire::Json before = JsonOf(holds_->List()[0]);
  Records();
  disk_.CutPower();
  ASSERT_TRUE(Open());
  EXPECT_EQ(JsonOf(holds_->List()[0]), before);
  EXPECT_THAT(Held(), ElementsAre("case-18 6 7", "case-19 1 3"));
  EXPECT_THAT(Records(), IsEmpty());
}

TEST_F(HoldsTest, AStoreThatKeepsNoneIsToldOfThoseThatAreSet) {
  EXPECT_TRUE(Holds::CheckNoneSet(disk_, "/data/holds.json")) << "no file";
  ASSERT_TRUE(holds_->Set(HoldOf("case-17")));
  const auto some = Holds::CheckNoneSet(disk_, "/data/holds.json");
  ASSERT_FALSE(some);
  EXPECT_EQ(some.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(some.error().message.find("/data/holds.json: 1 holds are set"), std::string::npos)
      << some.error().message;
  ASSERT_TRUE(holds_->Release("case-17"));
  EXPECT_TRUE(Holds::CheckNoneSet(disk_, "/data/holds.json")) << "all lifted";
  ASSERT_TRUE(io::WriteFileDurably(disk_, "/data/holds.json", "{}"));
  EXPECT_EQ(Holds::CheckNoneSet(disk_, "/data/holds.json").error().code, ErrorCode::kDataLoss);
}

TEST_F(HoldsTest, WrongOrdersAreRefusedAndLeaveNoTrace) {
  ASSERT_TRUE(holds_->Set(HoldOf("a")));
  Records();
  EXPECT_EQ(holds_->Set(HoldOf("a")).error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(holds_->Set(HoldOf("b", "lgo")).error().code, ErrorCode::kNotFound)
      << "a mistyped log holds nothing";
  record::Hold order = HoldOf("b", "");
  order.request_id = IdOf(100);
  EXPECT_EQ(holds_->Set(order).error().code, ErrorCode::kNotFound);
  order.from_us = 1;
  EXPECT_EQ(holds_->Set(order).error().code, ErrorCode::kInvalidArgument);
  order = HoldOf("b", "");
  order.end_index = 3;
  EXPECT_EQ(holds_->Set(order).error().code, ErrorCode::kInvalidArgument) << "leaves of no log";
  order = HoldOf("b");
  order.first_index = order.end_index = 3;
  EXPECT_EQ(holds_->Set(order).error().code, ErrorCode::kInvalidArgument);
  order = HoldOf("b");
  order.from_us = 9, order.to_us = 8;
  EXPECT_EQ(holds_->Set(order).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(holds_->Release("b").error().code, ErrorCode::kNotFound);
  EXPECT_THAT(Records(), IsEmpty());
  EXPECT_THAT(holds_->List(), SizeIs(1));
}

TEST_F(HoldsTest, WrongMembersAreNamed) {
  for (const auto& [text, member] : std::vector<std::pair<std::string, std::string>>{
           {R"({})", "name"},
           {R"({"name":"a b"})", "name"},
           {R"({"name":"../x"})", "name"},
           {R"({"name":"a","origin":1})", "origin"},
           {R"({"name":"a","from_us":-1})", "from_us"},
           {R"({"name":"a","to_us":"x"})", "to_us"},
           {R"({"name":"a","end_index":9007199254740992})", "end_index"},
           {R"({"name":"a","request_id":"z"})", "request_id"}}) {
    auto hold = ReadHold(*wire::Json::Parse(text));
    ASSERT_FALSE(hold) << text;
    EXPECT_EQ(hold.error().code, ErrorCode::kInvalidArgument);
    EXPECT_TRUE(hold.error().message.starts_with(member)) << hold.error().message;
  }
}

TEST_F(HoldsTest, WhatTheLogDoesNotTakeIsNeitherSetNorReleased) {
  ASSERT_TRUE(holds_->Set(HoldOf("a")));
  sink_.full = true;
  EXPECT_EQ(holds_->Set(HoldOf("b")).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(holds_->Release("a").error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(Held(), ElementsAre("a 0 -"));
  sink_.full = false;
  Records();
  ASSERT_TRUE(Open());
  EXPECT_THAT(Held(), ElementsAre("a 0 -"));
  EXPECT_THAT(Records(), IsEmpty());
}

// Set: its file is written, then its record, then the file again. Release: its record, then the file.
TEST_F(HoldsTest, AfterAFailedSyncNothingIsAnsweredForAnyMore) {
  for (const int good_syncs : {0, 1, 2}) {
    SCOPED_TRACE(good_syncs);
    ASSERT_TRUE(Open());
    disk_failures_ = 0;
    Records();
    int syncs = 0;
    disk_.SetFault([&](const io::DiskCall& call) -> Result<void> {
      if (call.act != io::DiskAct::kSyncFolder || syncs++ != good_syncs) return {};
      return Fail(ErrorCode::kDataLoss, "the disk is gone");
    });
    auto set = holds_->Set(HoldOf("a"));
    auto released = set ? holds_->Release("a") : set;
    ASSERT_FALSE(released);
    EXPECT_EQ(disk_failures_, 1) << released.error().message;
    const size_t on_record = Records().size();
    EXPECT_EQ(on_record, static_cast<size_t>(good_syncs));
    EXPECT_EQ(holds_->Set(HoldOf("b")).error().code, ErrorCode::kUnavailable);
    EXPECT_FALSE(holds_->Release("a"));
    EXPECT_EQ(holds_->HeldIn("log").error().code, ErrorCode::kUnavailable) << "nobody may prune now";
    EXPECT_THAT(Records(), IsEmpty());
    EXPECT_EQ(disk_failures_, 1);
    disk_.SetFault({});
    disk_.Kill();
    ASSERT_TRUE(Open());
    std::ignore = holds_->Release("a");
  }
}

TEST_F(HoldsTest, AFullDiskIsNoFailedOne) {
  disk_.SetCapacity(disk_.used_bytes());
  EXPECT_EQ(holds_->Set(HoldOf("a")).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(disk_failures_, 0);
  disk_.SetCapacity({});
  EXPECT_TRUE(holds_->Set(HoldOf("a")));
}

// Whatever call is the last one: a hold that was answered for is in force after a restart, one that is in force is on record.
TEST_F(HoldsTest, DyingAtAnyCallKeepsWhatWasAnswered) {
  for (uint64_t at = 1; at <= 14; ++at) {
    SCOPED_TRACE(at);
    Records();
    disk_.KillAt(disk_.calls() + at);
    const bool set = holds_->Set(HoldOf("a")) && !disk_.is_dead();
    at % 2 == 0 ? disk_.Kill() : disk_.CutPower();
    ASSERT_TRUE(Open());
    const bool is_set = !Held().empty();
    EXPECT_TRUE(is_set || !set);
    EXPECT_TRUE(!is_set || !Records().empty());
    if (!is_set) {
      ASSERT_TRUE(holds_->Set(HoldOf("a")));
    }
    Records();
    disk_.KillAt(disk_.calls() + at);
    const bool released = holds_->Release("a") && !disk_.is_dead();
    at % 2 == 0 ? disk_.Kill() : disk_.CutPower();
    ASSERT_TRUE(Open());
    const bool is_gone = Held().empty();
    EXPECT_TRUE(is_gone || !released);
    EXPECT_TRUE(!is_gone || !Records().empty());
    std::ignore = holds_->Release("a");
  }
}

TEST_F(HoldsTest, ADamagedFileStopsTheStart) {
  for (const char* text : {"", "{}", R"([{"name":"a","items":"x"}])", R"([{"name":""}])"}) {
    auto file = disk_.Open("/data/holds.json", io::OpenMode::kReadWrite, 0644);
    ASSERT_TRUE(file && (*file)->Truncate(0) && (*file)->WriteAt(0, text));
    const auto opened = Open();
    ASSERT_FALSE(opened) << text;
    EXPECT_NE(opened.error().code, ErrorCode::kNotFound);
  }
}

}  // namespace
}  // namespace beleg::store
