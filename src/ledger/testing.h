// For tests of what stands on the ledger, and of the ledger: one way to open one, and records to put in.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "io/testing.h"
#include "ledger/ledger.h"
#include "record/request_id.h"
#include "record/testing.h"

namespace beleg::ledger {

// A wait that a test never reaches the end of unless something hangs.
inline constexpr std::chrono::milliseconds kLong{60'000};

inline BootId TestBoot(uint8_t value = 1) { return BootId{{value, 0xb0}}; }

// Small segments, no waiting, no limit on the temporary folder's disk.
inline LedgerOptions TestOptions(const std::string& dir) {
  LedgerOptions options;
  options.dir = dir;
  options.origin = "example.org/test";
  options.checkpoint_interval = std::chrono::milliseconds(20);
  options.wal_segment_bytes = 512 << 10;
  options.free_bytes_min = 0;
  options.index_block_leaves = 512;
  return options;
}

inline std::unique_ptr<Ledger> OpenTestLedger(LedgerOptions options) {
  auto ledger = Ledger::Open(std::move(options));
  EXPECT_TRUE(ledger) << ledger.error().message;
  return ledger ? std::move(*ledger) : nullptr;
}

// A boot record as a server gives it.
inline record::Boot TestBootBody() {
  return {.version = "0.1.0",
          .build = "test",
          .service_name = "vllm",
          .region = "",
          .environment = "",
          .host = "h-1",
          .audit = "closed",
          .clock_source = "system",
          .previous_boot = {},
          .previous_clean = false,
          .lost_requests = 0};
}

inline BeginFrame TestBegin(uint64_t seq, const BootId& boot = TestBoot()) {
  BeginFrame begin;
  begin.id = record::SampleIdentity();
  begin.id.seq = seq;
  begin.request_id = record::DeriveRequestId(boot, seq, begin.id.trace_id);
  begin.start_us = 1'795'500'000'000'000;
  return begin;
}

// The Request record that ends TestBegin(seq).
inline std::string TestEnd(uint64_t seq, const BootId& boot = TestBoot()) {
  record::Request request = record::SampleRequest();
  request.id = TestBegin(seq, boot).id;
  return record::Encode({boot, 1'795'500'002'113'406, request});
}

inline std::string ShutdownLeaf(const BootId& boot = TestBoot()) {
  return record::Encode({boot, 1'795'500'003'000'000, record::Shutdown{"signal", {}, 0}});
}

// Calls that answer by callback, waited for.
template <class Receipt>
class Answer {
 public:
  std::function<void(Result<Receipt>)> Callback() {
    return [this](Result<Receipt> receipt) {
      MutexLock lock(mutex_);
      receipt_ = std::move(receipt);
      there_.NotifyAll();
    };
  }
  bool IsThere() {
    MutexLock lock(mutex_);
    return receipt_.has_value();
  }
  bool IsThereWithin(std::chrono::milliseconds limit) {
    MutexLock lock(mutex_);
    if (!receipt_) there_.WaitFor(mutex_, limit);
    return receipt_.has_value();
  }
  Result<Receipt> Wait() {
    MutexLock lock(mutex_);
    while (!receipt_) there_.Wait(mutex_);
    return *receipt_;
  }

 private:
  Mutex mutex_;
  CondVar there_;
  std::optional<Result<Receipt>> receipt_;
};

inline Result<BeginReceipt> BeginAndWait(Ledger& ledger, const BeginFrame& begin) {
  Answer<BeginReceipt> answer;
  ledger.Begin(begin, answer.Callback());
  return answer.Wait();
}

inline Result<FinishReceipt> FinishAndWait(Ledger& ledger, uint64_t seq, std::string leaf) {
  Answer<FinishReceipt> answer;
  ledger.Finish(seq, std::move(leaf), answer.Callback());
  return answer.Wait();
}

inline std::vector<std::string> AllLeaves(Ledger& ledger) {
  std::vector<std::string> out;
  while (out.size() < ledger.durable_size()) {
    auto leaves = ledger.Read(out.size(), 1000, 1 << 20);
    if (!leaves || leaves->empty()) {
      ADD_FAILURE() << "leaf " << out.size() << ": " << (leaves ? "is missing" : leaves.error().message);
      break;
    }
    for (Leaf& leaf : *leaves) {
      EXPECT_EQ(leaf.index, out.size());
      out.push_back(std::move(leaf.bytes));
    }
  }
  return out;
}

}  // namespace beleg::ledger
