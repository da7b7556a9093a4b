#include "ledger/visit.h"

#include "ledger/testing.h"

namespace beleg::ledger {
namespace {

// A log that ended with this many requests open.
void LeaveOpen(const LedgerOptions& options, uint64_t requests) {
  auto ledger = OpenTestLedger(options);
  ASSERT_TRUE(ledger->BeginBoot(TestBoot(), TestBootBody()));
  for (uint64_t seq = 1; seq < requests; ++seq) ledger->Begin(TestBegin(seq), {});
  ASSERT_TRUE(BeginAndWait(*ledger, TestBegin(requests)));
}

TEST(Visit, EveryRequestThatIsOpenIsLostByIt) {
  io::TempFolder folder;
  const LedgerOptions options = TestOptions(folder / "log");
  constexpr uint64_t kRequests = 1'000;  // more than one group of the small segments has room for
  LeaveOpen(options, kRequests);
  {
    auto visit = Visit::Open(options, "test", {"0.1.0"});
    ASSERT_TRUE(visit) << visit.error().message;
    EXPECT_TRUE((*visit)->core().open_requests().All().empty());
    ASSERT_TRUE((*visit)->Close());
  }
  auto ledger = OpenTestLedger(options);
  for (uint64_t seq = 1; seq <= kRequests; ++seq)
    ASSERT_TRUE(ledger->FindRequest(TestBegin(seq).request_id)) << "seq " << seq;
}

TEST(Visit, WithoutRoomNothingIsWritten) {
  io::TempFolder folder;
  io::FaultFileSystem disk([](io::FaultPoint, const std::string&) { return Result<void>(); });
  LedgerOptions options = TestOptions(folder / "log");
  options.fs = &disk;
  options.free_bytes_min = 1'000'000;
  LeaveOpen(options, 1);
  const uint64_t size = OpenTestLedger(options)->durable_size();
  disk.free_bytes = 999'999;
  EXPECT_EQ(Visit::Open(options, "test", {"0.1.0"}).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(OpenTestLedger(options)->durable_size(), size) << "no lost record without the record of its boot";
  disk.free_bytes = -1;
  EXPECT_TRUE(Visit::Open(options, "test", {"0.1.0"}));
}

}  // namespace
}  // namespace beleg::ledger
