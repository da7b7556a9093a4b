// LedgerCore's part in the start of a boot: the records that say what the former one left.
#include "base/log.h"
#include "ledger/ledger_core.h"
#include "ledger/restore_mark.h"

namespace beleg::ledger {
namespace {

Op LeafOp(const BootId& boot, int64_t time_us, record::Body body) {
  Op op;
  op.leaf = record::Encode({boot, time_us, std::move(body)});
  return op;
}

// A request that a former boot begun and never ended.
Op LostOp(const BootId& boot, int64_t time_us, const RequestKey& key, const BeginFrame& begin) {
  Op op =
      LeafOp(boot, time_us, record::Lost{.id = begin.id, .begun_boot = key.boot, .start_us = begin.start_us});
  op.kind = Op::Kind::kEnd;
  op.key = key;
  op.request_id = begin.request_id;
  return op;
}

// Every record names the boot that wrote it, so the newest leaf tells which boot was the last, and how it ended.
void SetPrevious(record::Boot& body, std::string_view newest_leaf) {
  auto newest = record::Decode(newest_leaf);
  if (!newest) return;
  body.previous_boot = newest->boot;
  body.previous_clean = std::holds_alternative<record::Shutdown>(newest->body);
}

}  // namespace

Result<std::vector<Op>> LedgerCore::BootOps(const BootId& boot, record::Boot body) {
  const int64_t now_us = options_.clock->UnixMicros();
  const uint64_t size = durable_size();
  const auto open = open_.All();
  body.previous_boot = std::nullopt;
  body.previous_clean = false;
  body.lost_requests = static_cast<int64_t>(open.size());
  if (size > 0) {
    TRY_ASSIGN(auto newest, Read(size - 1, 1, SIZE_MAX));
    if (!newest.empty()) SetPrevious(body, newest[0].bytes);
  }
  std::vector<Op> ops;
  ops.push_back(LeafOp(boot, now_us, std::move(body)));
  if (size == 0) ops.push_back(LeafOp(boot, now_us, record::Key{.vkey = vkey(), .reason = "inception"}));
  TRY_ASSIGN(auto restored, ReadRestored(*options_.fs, options_.dir));
  if (restored)
    ops.push_back(LeafOp(boot, now_us,
                         record::Config{{{"restored_from_size", std::to_string(restored->from)},
                                         {"restored_to_size", std::to_string(restored->to)}}}));
  for (const auto& [key, begin] : open) ops.push_back(LostOp(boot, now_us, key, begin));
  return ops;
}

void LedgerCore::BootIsDurable() {
  if (auto forgotten = ForgetRestored(*options_.fs, options_.dir); !forgotten)
    LOG_WARN("ledger.restored_told_again", F("why", forgotten.error().message));  // by the next boot
}

}  // namespace beleg::ledger
