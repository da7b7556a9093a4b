#include "store/manifest_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/durable.h"
#include "io/simulated_disk.h"
#include "record/testing.h"
#include "verify/testing.h"

namespace beleg::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

std::string KeyOf(std::string_view name, uint8_t fill = 7) {
  return verify::FormatVerifierKey(name, verify::testing::TestKey(fill)->public_key());
}
std::string Listed(std::string_view name, std::string_view closed = "", uint8_t key = 7) {
  return fmt::format(R"({{"vkey":"{}","opened":"2026-11-01"{}}})", KeyOf(name, key),
                     closed.empty() ? "" : fmt::format(R"(,"closed":"{}")", closed));
}

// Has room for so many records.
class SmallSink final : public record::AuditSink {
 public:
  explicit SmallSink(record::AuditSink& sink) : sink_(sink) {}
  Result<uint64_t> Append(record::Body body) override {
    if (room == 0) return Fail(ErrorCode::kResourceExhausted, "no room");
    --room;
    return sink_.Append(std::move(body));
  }
  void CountRead(std::string_view reader, std::string_view what) override { sink_.CountRead(reader, what); }

  size_t room = 1'000;

 private:
  record::AuditSink& sink_;
};

class ManifestWatchTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(io::MakeFoldersDurably(disk_, "/data")); }
  void TearDown() override { watch_.reset(); }
  void Write(const std::string& origins) { WriteText("{\"origins\":[" + origins + "]}"); }
  void WriteText(const std::string& text) { ASSERT_TRUE(io::WriteFileDurably(disk_, "/manifest", text)); }
  Result<void> Open(std::string path = "/manifest", bool with_log = true) {
    watch_.reset();
    ManifestWatchOptions options;
    options.path = std::move(path);
    options.recorded_path = "/data/manifest.json";
    options.log = with_log ? &small_sink_ : nullptr;
    options.on_fatal = [this](const Error&) { ++disk_failures_; };
    options.interval = std::chrono::hours(1);  // looks come from the test
    options.fs = &disk_;
    options.metrics = &metrics_;
    TRY_ASSIGN(watch_, ManifestWatch::Open(std::move(options)));
    return {};
  }
  // What was put on record since the last call.
  std::vector<std::map<std::string, std::string>> Records() {
    std::vector<std::map<std::string, std::string>> out;
    for (const record::Body& body : sink_.Take()) out.push_back(std::get<record::Config>(body).settings);
    return out;
  }
  std::vector<std::string> Kinds(const std::vector<std::string>& mirrored = {}) {
    std::vector<MirrorState> states;
    for (const std::string& name : mirrored) {
      MirrorState& state = states.emplace_back();
      state.origin = name, state.vkey = KeyOf(name);
    }
    std::vector<std::string> out;
    for (const LedgerFinding& finding : watch_->Findings(states, int64_t{1'800'000'000} * 1'000'000))
      out.push_back(fmt::format("{} {}", NameOf(finding.kind), finding.origin));
    return out;
  }
  bool IsOk() const {
    return metrics_.RenderPrometheus().find("\nbeleg_manifest_ok 1\n") != std::string::npos;
  }

  io::SimulatedDisk disk_{1};
  MetricRegistry metrics_;
  record::RecordingSink sink_;
  SmallSink small_sink_{sink_};
  int disk_failures_ = 0;
  std::unique_ptr<ManifestWatch> watch_;
};

TEST_F(ManifestWatchTest, EachChangeIsOnRecordOnce) {
  Write(Listed("a"));
  ASSERT_TRUE(Open());
  EXPECT_THAT(Records(), ElementsAre(std::map<std::string, std::string>{{"manifest_change", "opened"},
                                                                        {"manifest_origin", "a"},
                                                                        {"manifest_vkey", KeyOf("a")},
                                                                        {"manifest_opened", "2026-11-01"}}));
  watch_->Look();
  EXPECT_THAT(Records(), IsEmpty());
  Write(Listed("a", "2027-05-31") + "," + Listed("b"));
  watch_->Look();
  auto records = Records();
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records[0].at("manifest_change"), "closed");
  EXPECT_EQ(records[0].at("manifest_closed"), "2027-05-31");
  EXPECT_FALSE(records[0].contains("manifest_closed_before"));
  EXPECT_EQ(records[1].at("manifest_change"), "opened");
  EXPECT_THAT(Kinds({"a", "b"}), IsEmpty());
  Write(Listed("a", "", 9));
  watch_->Look();
  records = Records();
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records[0].at("manifest_change"), "reopened");
  EXPECT_EQ(records[0].at("manifest_closed_before"), "2027-05-31");
  EXPECT_EQ(records[0].at("manifest_vkey"), KeyOf("a", 9));
  EXPECT_EQ(records[0].at("manifest_vkey_before"), KeyOf("a"));
  EXPECT_EQ(records[1].at("manifest_change"), "removed");
  EXPECT_EQ(records[1].at("manifest_vkey_before"), KeyOf("b"));
  EXPECT_THAT(Kinds({"a", "b"}), ElementsAre("other_key a", "unknown b"));
}

TEST_F(ManifestWatchTest, WhatChangedWhileTheStoreWasDownIsOnRecordAtTheStart) {
  Write(Listed("a") + "," + Listed("b"));
  ASSERT_TRUE(Open());
  EXPECT_THAT(Records(), SizeIs(2));
  ASSERT_TRUE(Open());
  EXPECT_THAT(Records(), IsEmpty()) << "it is on record already";
  Write(Listed("a"));
  ASSERT_TRUE(Open());
  EXPECT_EQ(Records().at(0).at("manifest_change"), "removed");
  ASSERT_TRUE(Open(""));
  EXPECT_EQ(Records().at(0).at("manifest_change"), "removed") << "no manifest is named any more";
  EXPECT_THAT(Kinds({"x"}), IsEmpty()) << "any log may be mirrored";
  ASSERT_TRUE(Open(""));
  EXPECT_THAT(Records(), IsEmpty());
}

TEST_F(ManifestWatchTest, ABadEditKeepsTheOneOfBeforeAndIsAFinding) {
  Write(Listed("a"));
  ASSERT_TRUE(Open());
  Records();
  WriteText("{\"origins\":[{\"vkey\":\"");
  watch_->Look();
  EXPECT_THAT(Kinds({"b"}), ElementsAre("unknown b", "not_mirrored a"))
      << "an editor may be in the middle of it";
  watch_->Look();
  EXPECT_THAT(Kinds({"b"}), ElementsAre("unknown b", "not_mirrored a", "manifest "));
  EXPECT_FALSE(IsOk());
  ASSERT_TRUE(disk_.Remove("/manifest"));
  watch_->Look();
  watch_->Look();
  EXPECT_THAT(Kinds({"b"}), ElementsAre("unknown b", "not_mirrored a", "manifest "));
  EXPECT_THAT(Records(), IsEmpty());
  Write(Listed("b"));
  watch_->Look();
  EXPECT_THAT(Kinds({"b"}), IsEmpty());
  EXPECT_TRUE(IsOk());
  EXPECT_THAT(Records(), SizeIs(2));
}

TEST_F(ManifestWatchTest, AChangeThatTheLogDoesNotTakeIsNotInForce) {
  Write(Listed("a"));
  ASSERT_TRUE(Open());
  Write(Listed("b"));
  sink_.full = true;
  watch_->Look();
  EXPECT_THAT(Kinds({"b"}), ElementsAre("unknown b", "not_mirrored a", "manifest "));
  sink_.full = false;
  Records();
  watch_->Look();
  EXPECT_THAT(Kinds({"b"}), IsEmpty());
  EXPECT_THAT(Records(), SizeIs(2));
}

TEST_F(ManifestWatchTest, ChangesThatTheLogTookInPartAreFollowedByTheRestOrByTheirOpposite) {
  Write(Listed("x"));
  ASSERT_TRUE(Open());
  Records();
  for (const bool put_back : {false, true}) {
    SCOPED_TRACE(put_back);
    Write(put_back ? Listed("x") : Listed("a") + "," + Listed("b") + "," + Listed("x"));
    small_sink_.room = 1;
    watch_->Look();
    small_sink_.room = 1'000;
    auto records = Records();
    ASSERT_THAT(records, SizeIs(1));
    EXPECT_EQ(records[0].at("manifest_origin"), "a");
    watch_->Look();
    records = Records();
    ASSERT_THAT(records, SizeIs(1)) << "the rest, and nothing twice";
    EXPECT_EQ(records[0].at("manifest_origin"), "b");
    EXPECT_EQ(records[0].at("manifest_change"), put_back ? "removed" : "opened");
  }
  Write(Listed("a") + "," + Listed("b") + "," + Listed("x"));
  small_sink_.room = 1;
  watch_->Look();
  EXPECT_THAT(Records(), SizeIs(1));
  Write(Listed("x"));
  small_sink_.room = 1'000;
  watch_->Look();
  const auto records = Records();
  ASSERT_THAT(records, SizeIs(1)) << "a is on record as opened, and the file of before is back";
  EXPECT_EQ(records[0].at("manifest_change"), "removed");
  EXPECT_EQ(records[0].at("manifest_origin"), "a");
  EXPECT_TRUE(IsOk());
  watch_->Look();
  ASSERT_TRUE(Open());
  EXPECT_THAT(Records(), IsEmpty());
}

TEST_F(ManifestWatchTest, AfterAFailedSyncNothingChangesAnyMore) {
  Write(Listed("a"));
  ASSERT_TRUE(Open());
  Write(Listed("b"));
  Records();
  disk_.SetFault([](const io::DiskCall& call) -> Result<void> {
    if (call.act != io::DiskAct::kSyncFolder) return {};
    return Fail(ErrorCode::kDataLoss, "the disk is gone");
  });
  watch_->Look();
  disk_.SetFault({});
  EXPECT_EQ(disk_failures_, 1);
  EXPECT_THAT(Records(), SizeIs(2));
  Write(Listed("c"));
  watch_->Look();
  EXPECT_EQ(disk_failures_, 1);
  EXPECT_THAT(Records(), IsEmpty());
  EXPECT_THAT(Kinds({"a"}), ElementsAre("manifest ")) << "the one of before is in force";
  EXPECT_FALSE(IsOk());
}

TEST_F(ManifestWatchTest, AFullDiskIsNoFailedOne) {
  Write(Listed("a"));
  ASSERT_TRUE(Open());
  Write(Listed("b"));
  Records();
  disk_.SetCapacity(disk_.used_bytes());
  watch_->Look();
  EXPECT_EQ(disk_failures_, 0);
  EXPECT_THAT(Kinds({"a"}), ElementsAre("manifest "));
  disk_.SetCapacity({});
  watch_->Look();
  EXPECT_THAT(Kinds({"b"}), IsEmpty());
  EXPECT_THAT(Records(), SizeIs(2)) << "each once";
}

TEST_F(ManifestWatchTest, WithoutALogItIsInForceAndTheRecordsComeWithTheLog) {
  Write(Listed("a"));
  ASSERT_TRUE(Open("/manifest", false));
  EXPECT_THAT(Kinds({"b"}), ElementsAre("unknown b", "not_mirrored a"));
  ASSERT_TRUE(Open());
  EXPECT_THAT(Records(), SizeIs(1));
}

TEST_F(ManifestWatchTest, AStartWithABadOneIsRefused) {
  EXPECT_EQ(Open().error().code, ErrorCode::kNotFound);
  WriteText("{}");
  EXPECT_EQ(Open().error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(Records(), IsEmpty());
}

// Whatever call is the last one: after the next start the log says what is in force, at least once and in order.
TEST_F(ManifestWatchTest, DyingAtAnyCallSaysEachChangeAtLeastOnce) {
  for (uint64_t at = 1; at <= 12; ++at) {
    SCOPED_TRACE(at);
    Write(Listed("a"));
    ASSERT_TRUE(Open());
    Write(Listed("b"));
    Records();
    disk_.KillAt(disk_.calls() + at);
    watch_->Look();
    watch_.reset();
    at % 2 == 0 ? disk_.Kill() : disk_.CutPower();
    ASSERT_TRUE(Open());
    const auto records = Records();
    ASSERT_THAT(records, SizeIs(::testing::AllOf(::testing::Ge(2u), ::testing::Le(4u))));
    EXPECT_EQ(records.end()[-2].at("manifest_change"), "removed");
    EXPECT_EQ(records.end()[-1].at("manifest_change"), "opened");
  }
}

}  // namespace
}  // namespace beleg::store
