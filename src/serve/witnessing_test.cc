#include "serve/witnessing.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "io/testing.h"
#include "net/http_server.h"
#include "net/worker_pool.h"
#include "serve/mirror_ack.h"
#include "verify/cosignature.h"
#include "witness/witness.h"

namespace beleg::serve {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong{60'000};
constexpr std::string_view kOrigin = "example.org/log";

// A real ledger and a real witness of it behind HTTP.
class WitnessingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ledger::LedgerOptions options;
    options.dir = folder_ / "ledger";
    options.origin = kOrigin;
    options.free_bytes_min = 0;
    options.checkpoint_interval = milliseconds(10);
    ledger_ = *ledger::Ledger::Open(std::move(options));
    cosigner_ = *witness::Cosigner::Open(io::PosixFileSystem(), folder_ / "key", "w.example/1", "", rng_);
    OpenWitness("witness");
    OpenCosigned();
  }
  void TearDown() override {
    witnessing_.reset();
    server_->Stop(milliseconds(0));
  }
  void OpenWitness(const std::string& name) {
    witness_.reset();
    witness::WitnessOptions options;
    options.dir = folder_ / name;
    options.burst = 1e6;
    ASSERT_TRUE(options.logs.Add(ledger_->vkey()));
    witness_ = *witness::Witness::Open(std::move(options), *cosigner_);
  }
  void OpenCosigned(size_t quorum = 1) {
    cosigned_.reset();
    CosignedCheckpoints::Options options;
    options.dir = folder_ / "cosigned";
    options.quorum = quorum;
    cosigned_ = *CosignedCheckpoints::Open(std::move(options));
  }
  WitnessingOptions Options() const {
    WitnessingOptions options;
    options.mirror = *witness::ParseWitnessAddress(
        fmt::format("http://127.0.0.1:{}={}", server_->port(), cosigner_->vkey()));
    options.backoff_min = milliseconds(5);
    return options;
  }
  Result<void> Open(WitnessingOptions options) {
    witnessing_.reset();
    TRY_ASSIGN(witnessing_, Witnessing::Open(std::move(options), *ledger_, *cosigned_));
    return {};
  }
  void Append() { ASSERT_TRUE(ledger_->AppendAndWait("a leaf")); }
  // Everything that is durable now is cosigned.
  void WaitCosigned() {
    const uint64_t size = ledger_->durable_size();
    ASSERT_TRUE(ledger_->CheckpointAtLeast(size, kLong));
    witnessing_->WaitFor(size, kLong);
    ASSERT_EQ(SizeOf(cosigned_->Newest()), size) << witnessing_->Status().Dump();
  }
  uint64_t SizeOf(const std::string& note) const {
    auto key = verify::ParseVerifierKey(ledger_->vkey());
    auto checkpoint = verify::OpenCheckpoint(note, *key);
    return checkpoint ? checkpoint->size : UINT64_MAX;
  }
  std::string Problem() const {
    return witnessing_->Status().Find("witnesses")->as_array()[0].Find("problem")->as_string();
  }

  SystemRng rng_;
  io::TempFolder folder_;
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<witness::Cosigner> cosigner_;
  std::unique_ptr<witness::Witness> witness_;
  std::atomic<int> status_ = 0;  // 0: the witness answers
  std::unique_ptr<net::WorkerPool> pool_ = net::WorkerPool::Start(1, 100);
  std::unique_ptr<net::HttpServer> server_ =
      *net::HttpServer::Listen({}, net::OnPool(*pool_, [this](const net::HttpRequest& request) {
                                 if (status_ != 0) return net::MakeResponse(status_, "text/plain", "no");
                                 return witness_->Handle(request);
                               }));
  std::unique_ptr<CosignedCheckpoints> cosigned_;
  std::unique_ptr<Witnessing> witnessing_;
};

TEST_F(WitnessingTest, EveryCheckpointIsCosignedInTheEnd) {
  ASSERT_TRUE(Open(Options()));
  witnessing_->Start();
  for (int i = 0; i < 300; ++i) Append();
  WaitCosigned();
  const std::string note = cosigned_->Decorate(ledger_->ReadResource("checkpoint")->bytes);
  EXPECT_TRUE(verify::CheckCosignature(*verify::ParseNote(note), cosigner_->key()));
  EXPECT_EQ(Problem(), "");
  EXPECT_TRUE(witnessing_->Status().Find("independent_witness")->is_null());
}

TEST_F(WitnessingTest, WitnessThatIsDownIsAskedUntilItAnswers) {
  status_ = 503;
  ASSERT_TRUE(Open(Options()));
  witnessing_->Start();
  Append();
  EXPECT_NE(Problem(), "");
  EXPECT_EQ(cosigned_->Newest(), "");
  status_ = 0;
  while (!Problem().empty()) std::this_thread::yield();
  WaitCosigned();
}

TEST_F(WitnessingTest, WitnessThatSawMoreStopsTheStart) {
  ASSERT_TRUE(Open(Options()));
  Append();
  ASSERT_TRUE(ledger_->CheckpointAtLeast(1, kLong));
  io::CopyFolder(folder_ / "ledger", folder_ / "backup");
  Append();
  witnessing_->Start();
  WaitCosigned();
  witnessing_.reset();
  ledger_.reset();
  ledger::LedgerOptions options;
  options.dir = folder_ / "backup";
  options.free_bytes_min = 0;
  ledger_ = *ledger::Ledger::Open(std::move(options));
  EXPECT_EQ(Open(Options()).error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(WitnessingTest, QuorumIsWaitedFor) {
  OpenCosigned(2);
  ASSERT_TRUE(Open(Options()));
  Append();
  witnessing_->Start();
  const uint64_t size = ledger_->durable_size();
  ASSERT_TRUE(ledger_->CheckpointAtLeast(size, kLong));
  witnessing_->WaitFor(size, kLong);
  EXPECT_EQ(cosigned_->Newest(), "");
  const std::string note = ledger_->ReadResource("checkpoint")->bytes;
  const verify::VerifierKey other = {"other", 7, {}};
  const std::string line = verify::FormatSignature({"other", 7, "12345"});
  cosigned_->Add(note, size, other, line);
  EXPECT_NE(cosigned_->Newest().find(line), std::string::npos);
}

TEST_F(WitnessingTest, CosignedCheckpointSurvivesARestart) {
  ASSERT_TRUE(Open(Options()));
  Append();
  witnessing_->Start();
  WaitCosigned();
  const std::string newest = cosigned_->Newest();
  witnessing_.reset();
  OpenCosigned();
  EXPECT_EQ(cosigned_->Newest(), newest);
  EXPECT_EQ(io::PosixFileSystem().List(folder_ / "cosigned/archive")->size(), 2u) << "an hour, and recent/";
}

TEST(Independence, LoopbackProvesNothing) {
  for (const char* url : {"http://127.0.0.1:1", "http://localhost", "http://[::1]:5/x", "http://a.localhost"})
    EXPECT_FALSE(IsIndependent(url)) << url;
  for (const char* url : {"http://10.0.0.2:3301/mirror", "https://witness.example.net", "http://[fd00::2]"})
    EXPECT_TRUE(IsIndependent(url)) << url;
}

class MirrorAckTest : public WitnessingTest {
 protected:
  void StartAck(milliseconds limit, size_t waiting_max = 100) {
    MirrorAck::Options options;
    options.limit = limit;
    options.waiting_max = waiting_max;
    options.beat = [this]() -> Result<uint64_t> {
      ++beats_;
      TRY_ASSIGN(auto receipt, ledger_->AppendAndWait("a heartbeat"));
      return receipt.index;
    };
    ack_ = std::make_unique<MirrorAck>(std::move(options), *ledger_);
    WitnessingOptions witnessing = Options();
    witnessing.on_mirrored = [this](uint64_t size) {
      mirrored_ = size;
      ack_->OnMirrored(size);
    };
    ASSERT_TRUE(Open(std::move(witnessing)));
    witnessing_->Start();
  }
  void TearDown() override {
    WitnessingTest::TearDown();
    ack_.reset();
  }
  // Counts the answers by their code.
  MirrorAck::Callback Done() {
    return [this](Result<void> done) {
      if (!done) last_error_ = done.error().code;
      ++(done ? good_ : bad_);
    };
  }
  void WaitFor(int count) {
    while (good_ + bad_ < count) std::this_thread::yield();
  }

  std::unique_ptr<MirrorAck> ack_;
  std::atomic<int> good_ = 0, bad_ = 0, beats_ = 0;
  std::atomic<uint64_t> mirrored_ = 0;
  std::atomic<ErrorCode> last_error_ = ErrorCode::kInternal;
};

TEST_F(MirrorAckTest, LeafIsConfirmedWhenItIsMirrored) {
  StartAck(kLong);
  const uint64_t index = ledger_->AppendAndWait("a leaf")->index;
  ack_->WaitForLeaf(index, Done());
  WaitFor(1);
  EXPECT_EQ(good_, 1);
  EXPECT_GT(mirrored_, index);
  ack_->WaitForLeaf(index, Done());
  EXPECT_EQ(good_, 2) << "at once, it is there";
}

TEST_F(MirrorAckTest, BeginsShareAHeartbeat) {
  StartAck(kLong);
  for (int i = 0; i < 50; ++i) ack_->WaitForBegin(Done());
  WaitFor(50);
  EXPECT_EQ(good_, 50);
  EXPECT_GE(beats_, 1);
  EXPECT_LT(beats_, 50);
}

TEST_F(MirrorAckTest, MirrorThatIsGoneIsADeadline) {
  status_ = 503;
  StartAck(milliseconds(20));
  ack_->WaitForBegin(Done());
  ack_->WaitForLeaf(0, Done());
  WaitFor(2);
  EXPECT_EQ(bad_, 2);
  EXPECT_EQ(last_error_, ErrorCode::kDeadlineExceeded);
}

TEST_F(MirrorAckTest, TooManyAreRefusedAndAStopFailsTheRest) {
  status_ = 503;
  StartAck(kLong, 2);
  for (int i = 0; i < 3; ++i) ack_->WaitForLeaf(1000, Done());
  EXPECT_EQ(bad_, 1);
  EXPECT_EQ(last_error_, ErrorCode::kResourceExhausted);
  ack_->Stop();
  EXPECT_EQ(bad_, 3);
  EXPECT_EQ(last_error_, ErrorCode::kUnavailable);
  ack_->WaitForBegin(Done());
  EXPECT_EQ(bad_, 4);
}

}  // namespace
}  // namespace beleg::serve
