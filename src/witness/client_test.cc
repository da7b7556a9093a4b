#include "witness/client.h"

#include <gtest/gtest.h>

#include "io/testing.h"
#include "net/http_server.h"
#include "net/worker_pool.h"
#include "witness/testing.h"
#include "witness/witness.h"

namespace beleg::witness {
namespace {

using testing::LogOf;
using verify::testing::TestLog;

// A witness behind HTTP, whose answers a test may change.
class WitnessClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    cosigner_ = *Cosigner::Open(io::PosixFileSystem(), folder_ / "key", "w.example/1", "", rng_);
    WitnessOptions options;
    options.dir = folder_ / "witness";
    ASSERT_TRUE(options.logs.Add(log_.vkey_text()));
    witness_ = *Witness::Open(std::move(options), *cosigner_);
    Connect();
  }
  void TearDown() override { server_->Stop(std::chrono::milliseconds(0)); }
  void Connect() {
    auto address =
        ParseWitnessAddress(fmt::format("http://127.0.0.1:{}/={}", server_->port(), cosigner_->vkey()));
    ASSERT_TRUE(address) << address.error().message;
    client_ = *WitnessClient::Open(*address, "", std::chrono::milliseconds(60'000));
  }
  Result<Cosigned> Submit(const TestLog& log) {
    return client_->Submit(log.files.at("checkpoint"), log.checkpoint(), [&](uint64_t old_size) {
      return verify::TileReader(log.Source(), log.checkpoint()).ConsistencyProof(old_size);
    });
  }
  ErrorCode Refused(const TestLog& log) {
    auto cosigned = Submit(log);
    EXPECT_FALSE(cosigned);
    return cosigned ? ErrorCode::kInternal : cosigned.error().code;
  }

  SystemRng rng_;
  io::TempFolder folder_;
  TestLog log_{700};
  std::unique_ptr<Cosigner> cosigner_;
  std::unique_ptr<Witness> witness_;
  std::function<net::HttpResponse(const net::HttpRequest&)> answer_ =
      [this](const net::HttpRequest& request) { return witness_->Handle(request); };
  std::unique_ptr<net::WorkerPool> pool_ = net::WorkerPool::Start(1, 100);
  std::unique_ptr<net::HttpServer> server_ = *net::HttpServer::Listen(
      {}, net::OnPool(*pool_, [this](const net::HttpRequest& request) { return answer_(request); }));
  std::unique_ptr<WitnessClient> client_;
};

TEST_F(WitnessClientTest, GrowingLogIsCosignedInOneRoundEach) {
  int requests = 0;
  answer_ = [&](const net::HttpRequest& request) { return ++requests, witness_->Handle(request); };
  for (size_t size : {3, 300, 700}) {
    auto cosigned = Submit(LogOf(log_, size));
    ASSERT_TRUE(cosigned) << cosigned.error().message;
    EXPECT_TRUE(cosigned->line.starts_with("\u2014 w.example/1 "));
    EXPECT_GT(cosigned->unix_s, 1'700'000'000);
  }
  EXPECT_EQ(requests, 3);
}

TEST_F(WitnessClientTest, SizeIsLearntFromTheWitness) {
  ASSERT_TRUE(Submit(LogOf(log_, 300)));
  Connect();
  ASSERT_TRUE(Submit(log_));
  EXPECT_EQ(client_->witnessed_size(), 700u);
}

TEST_F(WitnessClientTest, RewrittenLogIsAFailedPrecondition) {
  ASSERT_TRUE(Submit(LogOf(log_, 300)));
  TestLog rewritten = LogOf(log_, 400);
  rewritten.entries[5] = "another";
  rewritten.Write();
  EXPECT_EQ(Refused(rewritten), ErrorCode::kFailedPrecondition);
  Connect();
  EXPECT_EQ(Refused(rewritten), ErrorCode::kFailedPrecondition);
}

TEST_F(WitnessClientTest, LogThatWentBackIsAFailedPrecondition) {
  ASSERT_TRUE(Submit(log_));
  EXPECT_EQ(Refused(LogOf(log_, 300)), ErrorCode::kFailedPrecondition);
  Connect();
  EXPECT_EQ(Refused(LogOf(log_, 300)), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(client_->witnessed_size(), 700u);
}

TEST_F(WitnessClientTest, AnswersOfAnotherKeyAreNotTaken) {
  auto other = *Cosigner::Open(io::PosixFileSystem(), folder_ / "other", "w.example/1", "", rng_);
  answer_ = [&](const net::HttpRequest&) {
    return net::MakeResponse(200, "text/plain", other->Cosign("example.com/log\n", 7));
  };
  EXPECT_EQ(Refused(log_), ErrorCode::kUnauthenticated);
  answer_ = [&](const net::HttpRequest&) {
    return net::MakeResponse(200, "text/plain", cosigner_->Cosign("example.com/log\n", 7));
  };
  EXPECT_EQ(Refused(log_), ErrorCode::kDataLoss) << "of another text";
  answer_ = [&](const net::HttpRequest&) { return net::MakeResponse(200, "text/plain", "x"); };
  EXPECT_EQ(Refused(log_), ErrorCode::kDataLoss);
}

TEST_F(WitnessClientTest, StatusesAreTold) {
  for (auto [status, code] : {std::pair{404, ErrorCode::kNotFound},
                              {403, ErrorCode::kPermissionDenied},
                              {429, ErrorCode::kResourceExhausted},
                              {503, ErrorCode::kUnavailable}}) {
    answer_ = [status](const net::HttpRequest&) { return net::MakeResponse(status, "text/plain", "no"); };
    EXPECT_EQ(Refused(log_), code) << status;
  }
  answer_ = [](const net::HttpRequest&) { return net::MakeResponse(409, "text/x.tlog.size", "x"); };
  EXPECT_EQ(Refused(log_), ErrorCode::kDataLoss);
  answer_ = [&](const net::HttpRequest&) {
    return net::MakeResponse(409, "text/x.tlog.size", fmt::format("{}\n", log_.leaves.size()));
  };
  EXPECT_EQ(Refused(log_), ErrorCode::kFailedPrecondition) << "another tree of this size";
  int size = 0;
  answer_ = [&](const net::HttpRequest&) {
    return net::MakeResponse(409, "text/x.tlog.size", fmt::format("{}\n", ++size));
  };
  EXPECT_EQ(Refused(log_), ErrorCode::kUnavailable) << "it does not try for ever";
}

TEST(WitnessAddress, WrongOnesAreRefused) {
  for (const char* bad :
       {"", "http://x", "x=y", "http://x=log+98af023b+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"})
    EXPECT_EQ(ParseWitnessAddress(bad).error().code, ErrorCode::kInvalidArgument) << bad;
}

}  // namespace
}  // namespace beleg::witness
