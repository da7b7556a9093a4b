#include "ledger/committer.h"

#include <algorithm>
#include <set>

#include "base/check.h"
#include "ledger/receipt.h"
#include "wire/sha256.h"

namespace beleg::ledger {
namespace {

constexpr int64_t kFreeBytesEveryMicros = 200'000;
constexpr size_t kBeginFrameBytesMax = kFrameHeaderBytes + 96 + kCallerBytesMax;

bool IsNewWork(const Op& op) { return op.kind == Op::Kind::kBegin || op.kind == Op::Kind::kLeaf; }
bool HasLeaf(const Op& op) { return op.kind == Op::Kind::kEnd || op.kind == Op::Kind::kLeaf; }

}  // namespace

// A group that is about to be written.
struct Committer::Plan {
  GroupBuilder group;
  uint64_t first_leaf = 0;
  std::vector<HashedLeaf> leaves;
  std::vector<std::pair<RequestKey, BeginFrame>> forwarded;
};

Result<void> Committer::Commit(std::vector<Op>& ops) {
  if (auto admitted = Admit(ops); !admitted) {
    if (admitted.error().code != ErrorCode::kResourceExhausted) return admitted;
    RefuseNewWork(ops, admitted.error());
  }
  FailStrayEnds(ops);
  Plan plan = Build(ops);
  if (plan.group.frame_count() > 0) {
    auto segment = Write(plan);
    if (!segment && segment.error().code == ErrorCode::kResourceExhausted) {
      parts_.room.Report(std::unexpected<Error>(segment.error()));
      RefuseNewWork(ops, segment.error());
      std::erase_if(ops, [](const Op& op) { return op.kind != Op::Kind::kEnd; });
      return {};
    }
    if (!segment) return std::unexpected<Error>(std::move(segment).error());
    Apply(plan, ops, *segment);
    Answer(plan, ops);
  }
  ops.clear();
  return {};
}

// Room for the group, and after it for the end of each request that is open then. Ends always fit: their room was kept.
Result<void> Committer::Admit(const std::vector<Op>& ops) {
  uint64_t group_bytes = kGroupHeaderBytes + kGroupAlignment;
  int64_t open = static_cast<int64_t>(parts_.open.written_count());
  bool has_new_work = false;
  for (const Op& op : ops) {
    group_bytes += op.size_bytes();
    open += op.kind == Op::Kind::kBegin ? 1 : op.kind == Op::Kind::kEnd ? -1 : 0;
    has_new_work = has_new_work || IsNewWork(op);
  }
  if (!has_new_work) return {};
  auto found = FindRoom(group_bytes + static_cast<uint64_t>(std::max<int64_t>(open, 0)) * kEndReserveBytes);
  parts_.room.Report(found);
  return found;
}

Result<void> Committer::FindRoom(uint64_t wal_bytes) {
  const LedgerOptions& options = parts_.options;
  if (const size_t waiting = parts_.tail.unpublished_bytes(); waiting > options.unpublished_bytes_max)
    return Fail(ErrorCode::kResourceExhausted,
                "{}: {} bytes of records wait to be published, which fails or is too slow", options.dir,
                waiting);
  const int64_t now_us = options.clock->MonoMicros();
  if (now_us - free_bytes_seen_us_ >= kFreeBytesEveryMicros) {
    TRY_ASSIGN(uint64_t free, options.fs->FreeBytes(options.dir));
    if (free < options.free_bytes_min)
      return Fail(ErrorCode::kResourceExhausted, "{}: {} bytes free on the disk, the ledger wants {}",
                  options.dir, free, options.free_bytes_min);
    free_bytes_seen_us_ = now_us;
  }
  while (parts_.wal.room_bytes() < wal_bytes) TRY(parts_.wal.AddSpare(Wal::Making::kNow));
  return {};
}

Result<void> Committer::LookForRoom() {
  auto found = FindRoom(parts_.open.written_count() * kEndReserveBytes);
  if (!found && found.error().code != ErrorCode::kResourceExhausted) return found;
  parts_.room.Report(found);
  return {};
}

Result<void> Committer::RefreshRoom() {
  TRY(LookForRoom());
  Result<void> added;
  if (parts_.room.status() && parts_.wal.spare_count() == 0) added = parts_.wal.AddSpare(Wal::Making::kAhead);
  parts_.probe.wal_bytes.Set(static_cast<double>(parts_.wal.size_bytes()));
  // Without one there is still the rest of the current segment, which FindRoom counts.
  const bool is_fatal = !added && added.error().code != ErrorCode::kResourceExhausted;
  return is_fatal ? added : Result<void>();
}

size_t Committer::ops_bytes_max() const {
  return parts_.wal.group_bytes_max() - kGroupHeaderBytes - kGroupAlignment;
}

void Committer::RefuseNewWork(std::vector<Op>& ops, const Error& why) {
  for (Op& op : ops) {
    if (!IsNewWork(op)) continue;
    if (op.kind == Op::Kind::kBegin) parts_.open.Forget(op.key);
    parts_.probe.refused.Add();
    FailOp(op, why);
  }
  std::erase_if(ops, IsNewWork);
}

// Ends of requests whose begin was refused meanwhile.
void Committer::FailStrayEnds(std::vector<Op>& ops) {
  std::set<RequestKey> begun;
  std::erase_if(ops, [&](Op& op) {
    if (op.kind == Op::Kind::kBegin) begun.insert(op.key);
    if (op.kind != Op::Kind::kEnd || begun.contains(op.key) || parts_.open.IsWritten(op.key)) return false;
    FailOp(op, {ErrorCode::kFailedPrecondition, fmt::format("seq {} was not begun", op.key.seq)});
    return true;
  });
}

Committer::Plan Committer::Build(const std::vector<Op>& ops) {
  Plan plan;
  plan.first_leaf = parts_.tail.end();
  // Copied begins come first, so that an end in the same group stands behind its begin.
  for (const Op& op : ops)
    if (op.kind == Op::Kind::kForward) AddForwarded(plan, ops, op.through_segment);
  for (const Op& op : ops) {
    switch (op.kind) {
      case Op::Kind::kBegin: plan.group.AddBegin(op.key.boot, op.begin); break;
      case Op::Kind::kEnd: plan.group.AddEnd(op.key, op.leaf); break;
      case Op::Kind::kLeaf: plan.group.AddLeaf(op.leaf); break;
      case Op::Kind::kForward: break;
    }
    if (HasLeaf(op)) plan.leaves.push_back({op.leaf, wire::MerkleLeafHash(op.leaf)});
  }
  return plan;
}

// As many as fit into the group beside the ops and leave what is reserved; the rest is asked for again.
void Committer::AddForwarded(Plan& plan, const std::vector<Op>& ops, uint64_t through_segment) {
  const uint64_t reserved = parts_.open.written_count() * kEndReserveBytes;
  const uint64_t room = parts_.wal.room_bytes();
  const uint64_t limit = std::min<uint64_t>(room - std::min(room, reserved), parts_.wal.group_bytes_max());
  uint64_t ops_bytes = kBeginFrameBytesMax;
  for (const Op& op : ops) ops_bytes += op.size_bytes();
  for (auto& [key, begin] : parts_.open.WrittenThrough(through_segment)) {
    if (plan.group.size_bytes() + ops_bytes > limit) break;
    plan.group.AddBegin(key.boot, begin);
    plan.forwarded.emplace_back(key, std::move(begin));
  }
}

Result<uint64_t> Committer::Write(Plan& plan) {
  const int64_t start_us = parts_.options.clock->MonoMicros();
  const auto frames = static_cast<double>(plan.group.frame_count());
  auto segment = parts_.wal.Append(std::move(plan.group), plan.first_leaf);
  const int64_t took_us = parts_.options.clock->MonoMicros() - start_us;
  parts_.probe.fsync_seconds.Observe(static_cast<double>(took_us) / 1e6);
  parts_.probe.group_size.Observe(frames);
  parts_.probe.groups.Add();
  return segment;
}

void Committer::Apply(Plan& plan, const std::vector<Op>& ops, uint64_t segment) {
  for (const auto& [key, begin] : plan.forwarded) parts_.open.Written(key, begin, segment);
  uint64_t index = plan.first_leaf;
  for (const Op& op : ops) {
    if (op.kind == Op::Kind::kBegin) parts_.open.Written(op.key, op.begin, segment);
    if (!HasLeaf(op)) continue;
    if (op.request_id) parts_.requests.Add(*op.request_id, index);  // before the publisher may seal its block
    ++index;
  }
  parts_.tail.Append(plan.leaves);
  // Last: who finds a request no longer open must find its leaf.
  for (const Op& op : ops)
    if (op.kind == Op::Kind::kEnd) parts_.open.Forget(op.key);
  parts_.probe.leaves.Add(static_cast<double>(plan.leaves.size()));
  parts_.probe.open_requests.Set(static_cast<double>(parts_.open.written_count()));
  parts_.probe.size.Set(static_cast<double>(parts_.tail.end()));
}

void Committer::Answer(const Plan& plan, std::vector<Op>& ops) {
  const int64_t now_us = parts_.options.clock->UnixMicros();
  const std::string& origin = parts_.signer.name();
  std::vector<std::string> bodies;
  size_t leaf = 0;
  for (const Op& op : ops) {
    if (op.kind == Op::Kind::kBegin)
      bodies.push_back(EncodeReceiptBody(BeginReceiptBody{origin, op.key.boot, op.key.seq,
                                                          op.begin.id.trace_id, op.begin.request_id, now_us,
                                                          now_us + parts_.options.resolved_within_us}));
    if (!HasLeaf(op)) continue;
    bodies.push_back(EncodeReceiptBody(
        FinishReceiptBody{origin, plan.first_leaf + leaf, plan.leaves[leaf].hash, op.request_id}));
    ++leaf;
  }
  if (bodies.empty()) return;
  std::vector<std::string> receipts = SignReceipts(parts_.signer, bodies);
  size_t receipt = 0;
  leaf = 0;
  for (Op& op : ops) {
    if (op.kind == Op::Kind::kForward) continue;
    std::string& header = receipts[receipt++];
    if (op.begin_done) op.begin_done(BeginReceipt{std::move(header)});
    if (!HasLeaf(op)) continue;
    if (op.done) op.done(FinishReceipt{plan.first_leaf + leaf, plan.leaves[leaf].hash, std::move(header)});
    ++leaf;
  }
}

}  // namespace beleg::ledger
