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

// The audit host's own log, in memory: it outlives the process that writes it.
class FakeLog final : public record::AuditLog {
 public:
  Result<uint64_t> Append(record::Body body) override {
    if (room == 0) return Fail(ErrorCode::kResourceExhausted, "no room");
    --room;
    bodies.push_back(std::move(body));
    if (hides_answers) return Fail(ErrorCode::kUnavailable, "who knows");
    if (room == 0 && on_last) on_last();
    return bodies.size() - 1;
  }
  void CountRead(std::string_view, std::string_view) override {}
  const std::string& origin() const override { return origin_; }
  Result<uint64_t> Replay(uint64_t first, const Take& take) override {
    for (uint64_t i = first; i < bodies.size(); ++i) {
      ++replayed;
      TRY(take(i, {record::SampleBoot(), 0, bodies[i]}));
    }
    return bodies.size();
  }

  std::vector<record::Body> bodies{record::Config{{{"listen", "127.0.0.1:3301"}}}};  // as the real one begins
  std::string origin_ = "host";
  size_t room = 1'000;
  std::function<void()> on_last;  // called when it is used up
  bool hides_answers = false;     // takes the record and gives an error
  size_t replayed = 0;            // records
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
    options.log = with_log ? &log_ : nullptr;
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
    for (; seen_ < log_.bodies.size(); ++seen_)
      out.push_back(std::get<record::Config>(log_.bodies[seen_]).settings);
    return out;
  }
  // The log, read from its beginning: each record is a change of what was said before, and all together say what the file says.
  void ExpectLogSaysTheFile() {
    OriginManifest said;
    for (const record::Body& body : log_.bodies) {
      const auto& config = std::get<record::Config>(body);
      if (!IsManifestChange(config)) continue;
      OriginManifest next = said;
      ASSERT_TRUE(next.Apply(config));
      const auto changes = ChangesOf(said, next);
      ASSERT_THAT(changes, SizeIs(1)) << "it is said twice";
      EXPECT_EQ(changes[0].settings, config.settings);
      said = next;
    }
    EXPECT_EQ(JsonOf(said).Dump(), JsonOf(*OriginManifest::Parse(*io::ReadFile(disk_, "/manifest"))).Dump());
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
  FakeLog log_;
  size_t seen_ = 1;
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
  log_.room = 0;
  watch_->Look();
  EXPECT_THAT(Kinds({"b"}), ElementsAre("unknown b", "not_mirrored a", "manifest "));
  log_.room = 1'000;
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
    log_.room = 1;
    watch_->Look();
    log_.room = 1'000;
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
  log_.room = 1;
  watch_->Look();
  EXPECT_THAT(Records(), SizeIs(1));
  Write(Listed("x"));
  log_.room = 1'000;
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
  EXPECT_EQ(disk_failures_, 1);
  EXPECT_THAT(Records(), SizeIs(2));
  EXPECT_EQ(Open().error().code, ErrorCode::kUnavailable) << "nor does it start on such a disk";
  EXPECT_EQ(disk_failures_, 2);
  disk_.SetFault({});
  ASSERT_TRUE(Open());
  Write(Listed("c"));
  disk_.SetFault([](const io::DiskCall& call) -> Result<void> {
    if (call.act != io::DiskAct::kSync) return {};
    return Fail(ErrorCode::kDataLoss, "the disk is gone");
  });
  watch_->Look();
  disk_.SetFault({});
  EXPECT_EQ(disk_failures_, 3);
  Records();
  Write(Listed("d"));
  watch_->Look();
  EXPECT_EQ(disk_failures_, 3);
  EXPECT_THAT(Records(), IsEmpty());
  EXPECT_THAT(Kinds({"b"}), ElementsAre("manifest ")) << "the one of before is in force";
  EXPECT_FALSE(IsOk());
}

TEST_F(ManifestWatchTest, AFullDiskIsNoFailedOneAndTheLogSaysAll) {
  Write(Listed("a"));
  ASSERT_TRUE(Open());
  Write(Listed("b"));
  Records();
  disk_.SetCapacity(disk_.used_bytes());
  watch_->Look();
  EXPECT_EQ(disk_failures_, 0);
  EXPECT_THAT(Kinds({"b"}), IsEmpty());
  EXPECT_THAT(Records(), SizeIs(2));
  ASSERT_TRUE(Open());
  disk_.SetCapacity({});
  watch_->Look();
  EXPECT_THAT(Records(), IsEmpty()) << "each once";
  ExpectLogSaysTheFile();
}

TEST_F(ManifestWatchTest, ARecordWhoseAnswerWasLostIsNotSaidAgain) {
  Write(Listed("a"));
  ASSERT_TRUE(Open());
  Write(Listed("b"));
  log_.hides_answers = true;
  for (int i = 0; i < 3; ++i) watch_->Look();
  log_.hides_answers = false;
  EXPECT_THAT(Kinds({"b"}), IsEmpty());
  ExpectLogSaysTheFile();
}

TEST_F(ManifestWatchTest, AStartReadsOnlyWhatTheFileLacks) {
  Write(Listed("a"));
  for (int i = 0; i < 100; ++i) log_.bodies.push_back(record::Config{{{"listen", "x"}}});
  ASSERT_TRUE(Open());
  log_.replayed = 0;
  ASSERT_TRUE(Open());
  EXPECT_EQ(log_.replayed, 0u);
}

TEST_F(ManifestWatchTest, AFileThatIsGoneOrOlderOrOfAnotherLogIsNoMatter) {
  Write(Listed("a"));
  ASSERT_TRUE(Open());
  const std::string old = *io::ReadFile(disk_, "/data/manifest.json");
  Write(Listed("a") + "," + Listed("b"));
  ASSERT_TRUE(Open());
  ASSERT_TRUE(disk_.Remove("/data/manifest.json"));
  ASSERT_TRUE(Open());
  ASSERT_TRUE(io::WriteFileDurably(disk_, "/data/manifest.json", old));
  ASSERT_TRUE(Open());
  // As former versions wrote it.
  ASSERT_TRUE(io::WriteFileDurably(disk_, "/data/manifest.json", R"({"origins":[]})"));
  ASSERT_TRUE(Open());
  ExpectLogSaysTheFile();
  Records();
  log_.origin_ = "new";
  log_.bodies.resize(1);
  ASSERT_TRUE(Open());
  ExpectLogSaysTheFile();
  log_.bodies.resize(2);  // one that was restored from its mirror, which lacked the last records
  ASSERT_TRUE(Open());
  ExpectLogSaysTheFile();
}

TEST_F(ManifestWatchTest, ADamagedFileIsNamed) {
  Write(Listed("a"));
  ASSERT_TRUE(io::WriteFileDurably(disk_, "/data/manifest.json", "{"));
  const auto opened = Open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(opened.error().message, ::testing::HasSubstr("/data/manifest.json"));
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

// Whatever is the last act, on the log or on the disk, of a look or of a start, and whatever the file is by then: after the next start
// the log says what is in force, and each change of that once.
class ManifestWatchDies : public ManifestWatchTest, public ::testing::WithParamInterface<bool> {
 protected:
  // Three changes on the way from one to the other.
  const std::string before_ = Listed("a") + "," + Listed("x");
  const std::string after_ = Listed("b") + "," + Listed("x", "2027-05-31");

  void Begin() {
    Write(before_);
    ASSERT_TRUE(Open());
    Write(after_);
    if (GetParam()) watch_.reset();
  }
  // Ends with the process.
  void Act() {
    if (GetParam())
      std::ignore = Open();
    else
      watch_->Look();
    watch_.reset();
  }
  void ExpectStartMendsIt(bool power_cut) {
    for (const std::string& file : {after_, before_, Listed("c")}) {
      SCOPED_TRACE(file);
      power_cut ? disk_.CutPower() : disk_.Kill();
      log_.room = 1'000;
      log_.on_last = {};
      Write(file);
      ASSERT_TRUE(Open());
      ExpectLogSaysTheFile();
      Records();
      ASSERT_TRUE(Open());
      EXPECT_THAT(Records(), IsEmpty());
      watch_.reset();
    }
  }
};
INSTANTIATE_TEST_SUITE_P(InALookAndAtAStart, ManifestWatchDies, ::testing::Bool());

TEST_P(ManifestWatchDies, AfterARecordAndTheStartMendsIt) {
  for (size_t taken = 0; taken <= 3; ++taken) {
    for (const bool power_cut : {false, true}) {
      SCOPED_TRACE(taken);
      Begin();
      log_.room = taken;
      log_.on_last = [this] { disk_.KillAt(disk_.calls() + 1); };
      Act();
      ExpectStartMendsIt(power_cut);
    }
  }
}

TEST_P(ManifestWatchDies, AtACallOfTheDiskAndTheStartMendsIt) {
  for (uint64_t at = 1; at <= 12; ++at) {
    SCOPED_TRACE(at);
    Begin();
    disk_.KillAt(disk_.calls() + at);
    Act();
    ExpectStartMendsIt(at % 2 == 0);
  }
}

}  // namespace
}  // namespace beleg::store
