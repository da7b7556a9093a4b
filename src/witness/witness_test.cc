#include "witness/witness.h"

#include <atomic>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/thread.h"
#include "io/simulated_disk.h"
#include "io/testing.h"
#include "verify/cosignature.h"
#include "witness/testing.h"

namespace beleg::witness {
namespace {

using testing::LogOf;
using testing::Post;
using testing::SubmissionOf;
using verify::testing::TestLog;

constexpr std::string_view kOrigin = "example.com/log";

class WitnessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    cosigner_ = *Cosigner::Open(io::PosixFileSystem(), folder_ / "key", "w.example/1", "", rng_);
    Open();
  }
  Result<void> TryOpen() {
    witness_.reset();
    WitnessOptions options;
    options.dir = folder_ / "witness";
    options.logs = logs_;
    options.clock = &clock_;
    options.metrics = &metrics_;
    TRY_ASSIGN(witness_, Witness::Open(std::move(options), *cosigner_));
    return {};
  }
  void Open() {
    logs_ = KnownLogs();
    ASSERT_TRUE(logs_.Add(log_.vkey_text()));
    auto opened = TryOpen();
    ASSERT_TRUE(opened) << opened.error().message;
  }
  net::HttpResponse Submit(const AddCheckpoint& submission) { return witness_->Handle(Post(submission)); }
  int Status(const AddCheckpoint& submission) { return Submit(submission).status; }
  // Cosigns the first `size` leaves after old_size.
  void Grow(size_t old_size, size_t size) {
    const TestLog log = LogOf(log_, size);
    auto answer = Submit(SubmissionOf(log, old_size));
    ASSERT_EQ(answer.status, 200) << answer.body;
    auto note = verify::ParseNote(log.files.at("checkpoint") + answer.body);
    ASSERT_TRUE(note);
    EXPECT_EQ(*verify::CheckCosignature(*note, cosigner_->key()), clock_.UnixMicros() / 1'000'000);
  }
  net::HttpResponse Get(const std::string& path) { return witness_->Handle({"GET", path, {}, "", ""}); }
  std::string LogDir() const { return folder_ / ("witness/logs/" + OriginHash(kOrigin)); }
  size_t FilesIn(const std::string& name) const {
    size_t count = 0;
    std::error_code missing;
    for ([[maybe_unused]] auto& file : std::filesystem::directory_iterator(LogDir() + "/" + name, missing))
      ++count;
    return count;
  }

  SystemRng rng_;
  ManualClock clock_;
  MetricRegistry metrics_;
  io::TempFolder folder_;
  TestLog log_{700};
  KnownLogs logs_;
  std::unique_ptr<Cosigner> cosigner_;
  std::unique_ptr<Witness> witness_;
};

TEST_F(WitnessTest, GrowingLogIsCosigned) {
  size_t old_size = 0;
  for (size_t size : {1, 2, 3, 255, 256, 257, 700}) {
    Grow(old_size, size);
    old_size = size;
  }
}

TEST_F(WitnessTest, SameTreeIsCosignedAgainWithANewTime) {
  Grow(0, 7);
  clock_.AdvanceMicros(5'000'000);
  Grow(7, 7);
}

TEST_F(WitnessTest, EmptyTreeIsCosigned) {
  TestLog empty(std::vector<std::string>{});
  EXPECT_EQ(Status(SubmissionOf(empty, 0)), 200);
  Grow(0, 3);
}

TEST_F(WitnessTest, AnswerHasTheCosignatureAlone) {
  const std::string body = Submit(SubmissionOf(LogOf(log_, 3), 0)).body;
  EXPECT_TRUE(body.starts_with("\u2014 w.example/1 ")) << body;
  EXPECT_EQ(std::count(body.begin(), body.end(), '\n'), 1);
}

TEST_F(WitnessTest, MonitorsGetTheLastCosignedCheckpoint) {
  const std::string path = "/" + OriginHash(kOrigin) + "/checkpoint";
  EXPECT_EQ(Get(path).status, 404);
  Grow(0, 5);
  Grow(5, 9);
  const std::string note = Get(path).body;
  EXPECT_EQ(verify::OpenCheckpoint(note, log_.vkey())->size, 9u);
  EXPECT_TRUE(verify::CheckCosignature(*verify::ParseNote(note), cosigner_->key()));
  EXPECT_EQ(Get("/" + OriginHash(kOrigin)).status, 404);
  EXPECT_EQ(Get("/x/checkpoint").status, 404);
  EXPECT_NE(Get("/").body.find(cosigner_->vkey()), std::string::npos);
}

TEST_F(WitnessTest, WrongOldSizeGetsTheKnownOne) {
  Grow(0, 5);
  auto answer = Submit(SubmissionOf(log_, 4));
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.body, "5\n");
  EXPECT_EQ(answer.headers.Get("content-type"), "text/x.tlog.size");
}

TEST_F(WitnessTest, OldSizeLargerThanTheCheckpointIsABadRequest) {
  Grow(0, 5);
  auto submission = SubmissionOf(LogOf(log_, 4), 0);
  submission.old_size = 5;
  EXPECT_EQ(Status(submission), 400);
}

TEST_F(WitnessTest, UnknownLogIsNotFound) {
  EXPECT_EQ(Status(SubmissionOf(TestLog(3, "example.com/other"), 0)), 404);
}

TEST_F(WitnessTest, OtherKeyIsForbidden) {
  EXPECT_EQ(Status(SubmissionOf(TestLog(3, std::string(kOrigin), 8), 0)), 403);
}

TEST_F(WitnessTest, BadSignatureOfAKnownKeyIsForbidden) {
  auto submission = SubmissionOf(LogOf(log_, 3), 0);
  const std::string other = LogOf(log_, 4).files.at("checkpoint");
  submission.note += other.substr(other.find("\n\n") + 2);
  EXPECT_EQ(Status(submission), 403);
}

TEST_F(WitnessTest, UnreadableBodiesAreBadRequests) {
  const std::string good = FormatAddCheckpoint(SubmissionOf(LogOf(log_, 9), 0));
  const std::string tail = good.substr(good.find('\n'));
  const std::string hash = Base64Encode(std::string(32, 'x')) + "\n";
  std::string many = "old 0\n";
  for (int i = 0; i < 64; ++i) many += hash;
  const std::string bad[] = {"",
                             "old 0\n",
                             "old 01" + tail,
                             "old -1" + tail,
                             "old" + tail,
                             "old 18446744073709551615" + tail,
                             "old 0\nx\n" + tail.substr(1),
                             many + tail.substr(1),
                             "old 0\n\nno note\n",
                             good.substr(0, good.size() - 1)};
  for (const std::string& body : bad)
    EXPECT_EQ(witness_->Handle({"POST", "/add-checkpoint", {}, body, ""}).status, 400) << body;
  EXPECT_EQ(witness_->Handle({"GET", "/add-checkpoint", {}, "", ""}).status, 405);
  EXPECT_EQ(
      witness_->Handle({"POST", "/add-checkpoint", {}, good + std::string(kRequestBytesMax, 'x'), ""}).status,
      413);
}

TEST_F(WitnessTest, WrongProofIsUnprocessable) {
  auto submission = SubmissionOf(LogOf(log_, 9), 0);
  submission.proof.push_back({});
  EXPECT_EQ(Status(submission), 422) << "a proof for old size 0";
  Grow(0, 5);
  submission = SubmissionOf(LogOf(log_, 9), 5);
  submission.proof.pop_back();
  EXPECT_EQ(Status(submission), 422);
  EXPECT_EQ(Status(SubmissionOf(LogOf(log_, 9), 5)), 200) << "a refusal changes nothing";
}

TEST_F(WitnessTest, EmptyTreeWithARootIsUnprocessable) {
  TestLog empty(std::vector<std::string>{});
  empty.SignCheckpoint(0, Hash32{});
  EXPECT_EQ(Status(SubmissionOf(empty, 0)), 422);
}

TEST_F(WitnessTest, RewrittenHistoryWithTheRealKeyIsRefusedAndKept) {
  Grow(0, 300);
  TestLog rewritten = LogOf(log_, 400);
  rewritten.entries[5] = "another";
  rewritten.Write();
  EXPECT_EQ(Status(SubmissionOf(rewritten, 300)), 422) << "its own proof does not lead from what is known";
  EXPECT_EQ(Status(SubmissionOf(rewritten, 0)), 409);
  rewritten = LogOf(log_, 300);
  rewritten.entries[299] = "another";
  rewritten.Write();
  EXPECT_EQ(Status(SubmissionOf(rewritten, 300)), 422) << "a second root of the same size";
  EXPECT_EQ(FilesIn("refused"), 2u);
  Grow(300, 301);
}

TEST_F(WitnessTest, MemorySurvivesARestart) {
  Grow(0, 300);
  Open();
  EXPECT_EQ(Submit(SubmissionOf(log_, 0)).body, "300\n");
  Grow(300, 700);
}

TEST_F(WitnessTest, DamagedMemoryStopsTheStart) {
  Grow(0, 300);
  std::filesystem::resize_file(LogDir() + "/checkpoint", 60);
  EXPECT_EQ(TryOpen().error().code, ErrorCode::kDataLoss);
  ASSERT_TRUE(io::PosixFileSystem().Remove(LogDir() + "/checkpoint"));
  ASSERT_TRUE(io::PosixFileSystem()
                  .Open(LogDir() + "/checkpoint", io::OpenMode::kCreate)
                  .value()
                  ->WriteAt(0, log_.files.at("checkpoint")));
  EXPECT_EQ(TryOpen().error().code, ErrorCode::kDataLoss) << "not cosigned by this key";
}

TEST_F(WitnessTest, SecondWitnessOnTheFolderIsRefused) {
  WitnessOptions options;
  options.dir = folder_ / "witness";
  EXPECT_EQ(Witness::Open(std::move(options), *cosigner_).error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(WitnessTest, FirstCheckpointOfEachHourIsArchived) {
  Grow(0, 1);
  Grow(1, 2);
  clock_.AdvanceMicros(int64_t{3600} * 1'000'000);
  Grow(2, 3);
  EXPECT_EQ(FilesIn("archive"), 3u) << "two hours, and the folder of recent ones";
  EXPECT_EQ(FilesIn("archive/recent"), 2u);
  EXPECT_EQ(verify::OpenCheckpoint(*io::ReadFile(io::PosixFileSystem(), LogDir() + "/archive/2023-11-14T22Z"),
                                   log_.vkey())
                ->size,
            1u);
}

TEST_F(WitnessTest, FloodOfSignedCheckpointsIsSlowedForThatLogAlone) {
  ASSERT_TRUE(logs_.Add(TestLog(1, "example.com/other").vkey_text()));
  ASSERT_TRUE(TryOpen());
  const auto submission = SubmissionOf(LogOf(log_, 3), 0);
  EXPECT_EQ(Status(submission), 200);
  for (int i = 1; i < 100; ++i) ASSERT_EQ(Status(submission), 409);
  auto answer = Submit(submission);
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.headers.Get("retry-after"), "1");
  EXPECT_EQ(Status(SubmissionOf(TestLog(3, "example.com/other"), 0)), 200);
  clock_.AdvanceMicros(1'000'000);
  EXPECT_EQ(Status(SubmissionOf(log_, 3)), 200);
}

TEST_F(WitnessTest, ConcurrentSubmissionsLeaveOneHistory) {
  // Two histories that part at once, each submitted by its own thread: at most one is ever cosigned.
  TestLog other = LogOf(log_, 100);
  other.entries[0] = "another";
  other.Write();
  std::atomic<int> cosigned[2] = {0, 0};
  const auto run = [&](const TestLog& whole, std::atomic<int>& count) {
    for (size_t size = 1; size <= 40; ++size) {
      if (Status(SubmissionOf(LogOf(whole, size), size - 1)) == 200) ++count;
    }
  };
  {
    Thread a("a", [&](std::stop_token) { run(log_, cosigned[0]); });
    Thread b("b", [&](std::stop_token) { run(other, cosigned[1]); });
  }
  EXPECT_EQ(cosigned[0] + cosigned[1], 40);
  EXPECT_TRUE(cosigned[0] == 0 || cosigned[1] == 0);
}

TEST_F(WitnessTest, FullDiskRefusesAndHeals) {
  std::atomic<bool> full = false;
  io::FaultFileSystem fs([&](io::FaultPoint point, const std::string&) -> Result<void> {
    if (full && point == io::FaultPoint::kWrite) return Fail(ErrorCode::kResourceExhausted, "no space");
    return {};
  });
  WitnessOptions options;
  options.dir = folder_ / "other";
  options.logs = logs_;
  options.fs = &fs;
  witness_ = *Witness::Open(std::move(options), *cosigner_);
  full = true;
  EXPECT_EQ(Status(SubmissionOf(LogOf(log_, 3), 0)), 503);
  full = false;
  EXPECT_EQ(Status(SubmissionOf(LogOf(log_, 3), 0)), 200);
  witness_.reset();  // before its disk
}

// What was cosigned before a power cut is known after it, wherever it comes.
TEST_F(WitnessTest, PowerCutNeverForgetsACosignature) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    io::SimulatedDisk disk(seed);
    WitnessOptions options;
    options.dir = "/witness";
    options.logs = logs_;
    options.fs = &disk;
    options.on_fatal = [](const Error&) {};
    uint64_t cosigned = 0;
    disk.SetFault(io::FailsFrom(1 + seed * 2));
    if (auto witness = Witness::Open(options, *cosigner_)) {
      for (size_t size : {3, 8, 20})
        if ((*witness)->Handle(Post(SubmissionOf(LogOf(log_, size), cosigned))).status == 200)
          cosigned = size;
    }
    disk.SetFault({});
    seed % 3 == 0 ? disk.Kill() : disk.CutPower();
    auto witness = Witness::Open(options, *cosigner_);
    ASSERT_TRUE(witness) << seed << ": " << witness.error().message;
    auto answer = (*witness)->Handle(Post(SubmissionOf(LogOf(log_, 400), 100)));
    ASSERT_EQ(answer.status, 409);
    ASSERT_GE(*ParseUint64(answer.body.substr(0, answer.body.size() - 1)), cosigned) << seed;
  }
}

TEST_F(WitnessTest, FailedSyncIsFatal) {
  io::SimulatedDisk disk(1);
  WitnessOptions options;
  options.dir = "/witness";
  options.logs = logs_;
  options.fs = &disk;
  int fatal = 0;
  options.on_fatal = [&](const Error&) { ++fatal; };
  witness_ = *Witness::Open(std::move(options), *cosigner_);
  disk.SetFault(
      [](const io::DiskCall&) -> Result<void> { return Fail(ErrorCode::kDataLoss, "the disk is gone"); });
  EXPECT_EQ(Status(SubmissionOf(LogOf(log_, 3), 0)), 503);
  EXPECT_EQ(fatal, 1);
  witness_.reset();  // before its disk
}

TEST_F(WitnessTest, AnswersAreCounted) {
  Grow(0, 3);
  EXPECT_EQ(Status(SubmissionOf(log_, 1)), 409);
  const std::string text = Get("/metrics").body;
  EXPECT_NE(text.find("beleg_witness_requests_total{origin=\"example.com/log\",status=\"409\"} 1"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("beleg_witness_size{origin=\"example.com/log\"} 3"), std::string::npos) << text;
}

TEST(KnownLogs, ListIsReadAndItsLineNamed) {
  const std::string vkey = TestLog(1).vkey_text();
  KnownLogs logs;
  ASSERT_TRUE(
      logs.AddList("# all\nlogs/v0\n\nvkey " + vkey + "\nqpd 86400\nvkey " + vkey + "\norigin other\n"));
  ASSERT_NE(logs.Find(std::string(kOrigin)), nullptr);
  EXPECT_EQ(logs.Find("other")->size(), 1u);
  EXPECT_EQ(logs.Find("x"), nullptr);
  for (const std::string& bad : {std::string("logs/v1\n"), std::string("logs/v0\norigin x\n"),
                                 std::string("logs/v0\nvkey x\n"), "vkey " + vkey})
    EXPECT_EQ(KnownLogs().AddList(bad).error().code, ErrorCode::kInvalidArgument) << bad;
}

TEST(CosignerFile, IsMadeOnceAndForItsOwnerAlone) {
  io::TempFolder folder;
  SystemRng rng;
  io::FileSystem& fs = io::PosixFileSystem();
  const std::string path = folder / "keys/key";
  const std::string vkey = (*Cosigner::Open(fs, path, "", "w-", rng))->vkey();
  EXPECT_TRUE(vkey.starts_with("w-"));
  EXPECT_EQ(static_cast<unsigned>(std::filesystem::status(path).permissions()), 0600u);
  EXPECT_EQ((*Cosigner::Open(fs, path, "", "w-", rng))->vkey(), vkey);
  EXPECT_EQ(Cosigner::Open(fs, path, "other", "", rng).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(Cosigner::Open(fs, folder / "b", "a b", "", rng).error().code, ErrorCode::kInvalidArgument);
  std::filesystem::permissions(path, std::filesystem::perms(0640));
  EXPECT_EQ(Cosigner::Open(fs, path, "", "", rng).error().code, ErrorCode::kPermissionDenied);
  std::filesystem::permissions(path, std::filesystem::perms(0600));
  std::filesystem::resize_file(path, 30);
  EXPECT_EQ(Cosigner::Open(fs, path, "", "", rng).error().code, ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace beleg::witness
