// The mirror as a witness: what it cosigns, and what it never does.
#include <gtest/gtest.h>

#include "base/thread.h"
#include "store/mirror_api.h"
#include "store/mirror_testing.h"
#include "verify/cosignature.h"
#include "verify/proof.h"
#include "witness/testing.h"

namespace beleg::store {
namespace {

using testing::FakeLedger;
using testing::SampleLog;
using verify::testing::TestLog;
using witness::testing::SubmissionOf;

class MirrorCosign : public testing::MirrorTest {
 protected:
  void SetUp() override {
    MirrorTest::SetUp();
    cosigner_ = *witness::Cosigner::Open(io::PosixFileSystem(), folder_ / "keys/cosigner", "", "m-", rng_);
    options_.cosigner = cosigner_.get();
    options_.clock = &clock_;
    while (log_.leaves().size() < 400) log_.AddRequest();
    ledger_ = std::make_unique<FakeLedger>(LogOf(log_, 280));
    ASSERT_TRUE(OpenMirror(ledger_->url()));
    Refresh();
  }
  void TearDown() override { mirror_.reset(); }
  net::HttpResponse Submit(const witness::AddCheckpoint& submission) {
    return MirrorApi({mirror_.get()}).AddCheckpoint(witness::FormatAddCheckpoint(submission));
  }
  net::HttpResponse Get(const std::string& name) {
    return MirrorApi({mirror_.get()}).Read(fmt::format("/mirror/{}/{}", witness::OriginHash("log"), name));
  }
  // When this mirror cosigned the note.
  Result<int64_t> Time(std::string_view note) {
    TRY_ASSIGN(verify::Note parsed, verify::ParseNote(note));
    return verify::CheckCosignature(parsed, cosigner_->key());
  }
  int64_t NowSeconds() const { return clock_.UnixMicros() / 1'000'000; }
  TestLog Rewritten(size_t size, size_t changed) const {
    TestLog out = LogOf(log_, size);
    out.entries[changed] = "another";
    out.Write();
    return out;
  }

  SystemRng rng_;
  ManualClock clock_;
  SampleLog log_{"log"};
  std::unique_ptr<witness::Cosigner> cosigner_;
  std::unique_ptr<FakeLedger> ledger_;
};

TEST_F(MirrorCosign, CopyAndProofsBearItsCosignature) {
  const std::string note = *mirror_->ReadResource("checkpoint");
  EXPECT_TRUE(note.starts_with(LogOf(log_, 280).files.at("checkpoint")));
  EXPECT_EQ(*Time(note), NowSeconds());
  EXPECT_EQ(mirror_->state().cosigned_unix_s, NowSeconds());
  EXPECT_TRUE(mirror_->Proof(7)->ends_with(note));
  clock_.AdvanceMicros(9'000'000);
  ASSERT_TRUE(OpenMirror(ledger_->url()));
  EXPECT_EQ(mirror_->state().cosigned_unix_s, NowSeconds() - 9);
}

TEST_F(MirrorCosign, CopyIsServedAsALog) {
  auto answer = Get("checkpoint");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.Get("cache-control"), "no-cache");
  EXPECT_TRUE(Time(answer.body));
  answer = Get("tile/entries/000");
  EXPECT_EQ(answer.body, LogOf(log_).files.at("tile/entries/000"));
  EXPECT_NE(answer.headers.Get("cache-control")->find("immutable"), std::string::npos);
  EXPECT_EQ(Get("tile/0/001.p/24").headers.Get("cache-control"), "no-cache");
  EXPECT_EQ(Get("tile/0/777").status, 404);
  EXPECT_EQ(Get("vkey").status, 400);
  EXPECT_EQ(MirrorApi({mirror_.get()}).Read("/mirror/00/checkpoint").status, 404);
}

TEST_F(MirrorCosign, SubmittedCheckpointIsCopiedBeforeItIsCosigned) {
  const TestLog grown = LogOf(log_, 400);
  ledger_->Show(grown);
  auto answer = Submit(SubmissionOf(grown, 280));
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_TRUE(Time(grown.files.at("checkpoint") + answer.body));
  EXPECT_EQ(mirror_->state().size, 400u);
  ExpectWholeCopy(grown);
  EXPECT_EQ(Submit(SubmissionOf(grown, 400)).status, 200) << "the same again";
}

TEST_F(MirrorCosign, WhatCannotBeCopiedIsNotCosigned) {
  const TestLog grown = LogOf(log_, 400);
  EXPECT_EQ(Submit(SubmissionOf(grown, 280)).status, 503) << "the log serves 280 leaves only";
  EXPECT_EQ(mirror_->state().size, 280u);
  EXPECT_FALSE(mirror_->state().diverged);
}

TEST_F(MirrorCosign, OtherOldSizeUnknownLogAndOtherKeyAreRefused) {
  auto answer = Submit(SubmissionOf(LogOf(log_, 400), 200));
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.body, "280\n");
  EXPECT_EQ(Submit(SubmissionOf(TestLog(3, "other"), 0)).status, 404);
  EXPECT_EQ(Submit(SubmissionOf(TestLog(3, "log", 99), 0)).status, 403);
}

TEST_F(MirrorCosign, RewrittenHistoryWithTheRealKeyIsRefusedAndAFinding) {
  ledger_->Show(Rewritten(400, 5));
  EXPECT_EQ(Submit(SubmissionOf(Rewritten(400, 5), 280)).status, 422);
  EXPECT_TRUE(mirror_->state().diverged);
  EXPECT_EQ(Submit(SubmissionOf(LogOf(log_, 400), 280)).status, 503) << "until an operator acts";
  EXPECT_EQ(mirror_->state().size, 280u);
}

TEST_F(MirrorCosign, SecondRootOfTheSameSizeIsRefusedAndAFinding) {
  EXPECT_EQ(Submit(SubmissionOf(Rewritten(280, 5), 280)).status, 409);
  EXPECT_TRUE(mirror_->state().diverged);
}

TEST_F(MirrorCosign, WrongProofOfAnHonestLogIsNoFinding) {
  const TestLog grown = LogOf(log_, 400);
  ledger_->Show(grown);
  auto submission = SubmissionOf(grown, 280);
  submission.proof.pop_back();
  EXPECT_EQ(Submit(submission).status, 422);
  EXPECT_FALSE(mirror_->state().diverged);
  Refresh();
}

TEST_F(MirrorCosign, CheckpointsAreArchivedOnceAnHour) {
  ledger_->Show(LogOf(log_, 300));
  Refresh();
  clock_.AdvanceMicros(int64_t{3600} * 1'000'000);
  ledger_->Show(LogOf(log_, 400));
  Refresh();
  std::vector<uint64_t> sizes;
  const auto names = io::PosixFileSystem().List(folder_ / "mirror/log/archive");
  ASSERT_TRUE(names);
  for (const std::string& name : *names) {
    if (name == "recent") continue;
    const std::string note = *io::ReadFile(io::PosixFileSystem(), folder_ / ("mirror/log/archive/" + name));
    EXPECT_TRUE(Time(note)) << name;
    sizes.push_back(verify::OpenCheckpoint(note, LogOf(log_).vkey())->size);
  }
  EXPECT_EQ(sizes, (std::vector<uint64_t>{280, 400}));
}

TEST_F(MirrorCosign, LogThatDoesNotGrowIsSilent) {
  EXPECT_FALSE(mirror_->state().silent);
  clock_.AdvanceMicros(int64_t{299} * 1'000'000);
  EXPECT_FALSE(mirror_->state().silent);
  clock_.AdvanceMicros(2'000'000);
  EXPECT_TRUE(mirror_->state().silent);
  ASSERT_TRUE(OpenMirror(ledger_->url()));
  EXPECT_TRUE(mirror_->state().silent) << "a restart forgets nothing";
  ledger_->Show(LogOf(log_, 400));
  Refresh();
  EXPECT_FALSE(mirror_->state().silent);
}

TEST_F(MirrorCosign, SubmissionsWhilePollingAllEndInOneHistory) {
  ledger_->Show(LogOf(log_, 400));
  Thread poller("poller", [&](std::stop_token stop) {
    while (!stop.stop_requested()) std::ignore = mirror_->Refresh(testing::kLong);
  });
  int cosigned = 0;
  while (cosigned < 20) {
    const uint64_t size = mirror_->state().size;
    cosigned += Submit(SubmissionOf(LogOf(log_, 400), size)).status == 200;
  }
  EXPECT_FALSE(mirror_->state().diverged);
}

}  // namespace
}  // namespace beleg::store
