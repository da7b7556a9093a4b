// How long a log of many records takes to start after a crash, and what memory it then holds.
//
//   ledger_start FOLDER LEAVES   fills the log under FOLDER up to so many leaves and dies, the newest of them not published
//   ledger_start FOLDER          starts it and prints one JSON line
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"
#include "io/file.h"
#include "ledger/ledger_core.h"
#include "record/audit_record.h"
#include "record/request_id.h"

namespace beleg {
namespace {

constexpr uint64_t kUnpublishedLeaves = 20'000;  // two seconds of the most that a ledger takes
constexpr size_t kGroupOps = 512;
const SystemClock kClock;

ledger::LedgerOptions Options(const std::string& folder) {
  ledger::LedgerOptions options;
  options.dir = folder;
  return options;
}

// Resident memory from /proc/self/statm.
uint64_t ResidentBytes() {
  auto file = io::PosixFileSystem().Open("/proc/self/statm", io::OpenMode::kRead).value();
  const std::string text = file->ReadAt(0, 128).value();
  const size_t from = text.find(' ') + 1;
  return ParseUint64(std::string_view(text).substr(from, text.find(' ', from) - from)).value_or(0) * 4096;
}

ledger::Op RequestOp(const BootId& boot, uint64_t seq) {
  record::Request request;
  request.id.seq = seq;
  for (size_t i = 0; i < 8; ++i) request.id.trace_id.bytes[i] = static_cast<uint8_t>(seq >> (8 * i));
  request.id.trace_id.bytes[15] = 1;
  request.id.caller = "anonymous";
  request.model = "smollm2-135m-instruct";
  request.finish_reasons = {"stop"};
  ledger::Op op;
  op.leaf = record::Encode({boot, kClock.UnixMicros(), request});
  op.request_id = record::DeriveRequestId(boot, seq, request.id.trace_id);
  return op;
}

int Fill(const std::string& folder, uint64_t leaves) {
  auto core = ledger::LedgerCore::Open(Options(folder)).value();
  const BootId boot{{1, 2, 3}};
  const int64_t start_us = kClock.MonoMicros();
  while (core->durable_size() < leaves) {
    std::vector<ledger::Op> ops;
    for (size_t i = 0; i < kGroupOps; ++i) ops.push_back(RequestOp(boot, core->durable_size() + i + 1));
    CHECK(core->Commit(ops), "the log takes records");
    const uint64_t waiting = core->durable_size() - core->published()->size();
    if (waiting < 16'384 || core->durable_size() + kUnpublishedLeaves > leaves) continue;
    CHECK(core->Publish() && core->Retire() && core->RefreshRoom(), "the log publishes");
  }
  fmt::print("{{\"bench\":\"ledger_fill\",\"leaves\":{},\"seconds\":{:.1f},\"resident_bytes\":{}}}\n",
             core->durable_size(), static_cast<double>(kClock.MonoMicros() - start_us) / 1e6,
             ResidentBytes());
  std::fflush(stdout);
  std::_Exit(0);  // as a crash: nothing is closed
}

int Start(const std::string& folder) {
  const uint64_t before_bytes = ResidentBytes();
  const int64_t start_us = kClock.MonoMicros();
  auto core = ledger::LedgerCore::Open(Options(folder)).value();
  const int64_t took_us = kClock.MonoMicros() - start_us;
  fmt::print(
      "{{\"bench\":\"ledger_start\",\"leaves\":{},\"unpublished\":{},\"ms\":{},\"resident_bytes\":{}}}\n",
      core->durable_size(), core->durable_size() - core->published()->size(), took_us / 1000,
      ResidentBytes() - before_bytes);
  return 0;
}

}  // namespace
}  // namespace beleg

int main(int argc, char** argv) {
  beleg::SetLogLevel("warn");
  if (argc < 2 || argc > 3) {
    fmt::print(stderr, "usage: ledger_start FOLDER [LEAVES]\n");
    return 2;
  }
  return argc == 3 ? beleg::Fill(argv[1], beleg::ParseUint64(argv[2]).value_or(0)) : beleg::Start(argv[1]);
}
