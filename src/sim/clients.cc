// Server's clients: what they ask for, and what they are told.
#include <algorithm>

#include "sim/records.h"
#include "sim/server.h"
#include "verify/proof.h"
#include "wire/sha256.h"

namespace beleg::sim {
namespace {

using ledger::Op;

constexpr size_t kPaddingBytesMax = 14'300;
constexpr size_t kQueueCountMax = 400;

}  // namespace

void Server::ClientActs() {
  // Most of all on a full disk, so that its last reserved room is asked for.
  const bool is_burst = world_.Happens(world_.is_full() ? 50 : world_.profile().bursts);
  if (is_burst) world_.stats.Count("work.bursts");
  const uint64_t count = 1 + world_.Below(is_burst ? 80 : 6);
  for (uint64_t i = 0; i < count && !has_ended_; ++i) {
    const uint64_t what = world_.Below(100);
    if (what < world_.profile().begins)
      BeginRequest();
    else if (what < 80)
      EndRequest();
    else if (what < 95)
      AppendRecord();
    else
      AskForRecord();
  }
}

void Server::BeginRequest() {
  Op op;
  op.kind = Op::Kind::kBegin;
  op.begin = BeginOf(boot_, ++last_seq_, boot_index_, world_.clock.UnixMicros());
  op.key = {boot_, last_seq_};
  model_.Begins(op.key, op.begin.request_id);
  op.begin_done = [this, key = op.key](Result<ledger::BeginReceipt> receipt) {
    world_.stats.Count(receipt ? "work.begun" : "work.begin_refused");
    model_.begun[key].is_acknowledged = receipt.has_value();
    model_.begun[key].is_refused = !receipt;
    if (!receipt) open_.erase(key.seq);
  };
  core_->open_requests().Begin(op.key, op.begin);
  open_.insert(last_seq_);
  if (world_.Happens(world_.profile().abandoned))
    world_.stats.Count("work.abandoned");
  else
    running_.push_back(op.begin);
  Push(std::move(op));
}

void Server::EndRequest() {
  if (running_.empty()) return;
  const auto at = running_.begin() + static_cast<ptrdiff_t>(world_.Below(running_.size()));
  const ledger::BeginFrame begin = *at;
  running_.erase(at);
  Op op;
  op.kind = Op::Kind::kEnd;
  op.key = {boot_, begin.id.seq};
  EndOptions options;
  options.is_cancelled = world_.Below(5) == 0;
  if (world_.Happens(world_.profile().big_records)) options.padding_bytes = world_.Below(kPaddingBytesMax);
  if (options.is_cancelled) world_.stats.Count("work.cancelled");
  op.leaf = EndOf(boot_, begin, world_.clock.UnixMicros(), options);
  op.request_id = core_->open_requests().End(op.key);
  if (!op.request_id) return;  // its begin was refused
  open_.erase(begin.id.seq);
  model_.begun[op.key].end = op.leaf;
  Watch(op);
  Push(std::move(op));
}

void Server::AppendRecord() {
  Op op;
  const int64_t now_us = world_.clock.UnixMicros();
  if (world_.Happens(world_.profile().big_records)) {
    op.leaf = ConfigOf(boot_, ++others_, world_.Below(kPaddingBytesMax), now_us);
  } else if (world_.Below(3) == 0) {
    const ledger::BeginFrame refused = BeginOf(boot_, ++last_seq_, boot_index_, now_us);
    op.leaf = RefusedOf(boot_, refused, now_us);
    op.request_id = refused.request_id;
  } else {
    op.leaf = HeartbeatOf(boot_, core_->open_requests().Summary(boot_), ++others_, now_us);
  }
  Watch(op);
  Push(std::move(op));
}

// A leaf that was acknowledged can be found by its request, and proved once it is published.
void Server::AskForRecord() {
  if (model_.acknowledged.empty()) return;
  auto it = model_.acknowledged.lower_bound(world_.Below(core_->durable_size() + 1));
  if (it == model_.acknowledged.end()) return;
  const auto& [index, leaf] = *it;
  world_.stats.Count("work.looked_up");
  if (auto id = ledger::RequestIdOf(leaf)) {
    auto found = core_->FindRequest(*id);
    const bool is_denied = !found && found.error().code == ErrorCode::kNotFound;
    if (!found && (is_denied || !world_.has_trouble()))
      world_.Find("leaf {}: {}", index, found.error().message);
    if (found && *found != index) world_.Find("leaf {} is found at {}", index, *found);
  }
  const auto published = core_->published();
  if (index >= published->size()) return;
  auto proof = core_->Proof(*published, index);
  if (!proof && world_.has_trouble()) return;
  if (!proof) return world_.Find("leaf {} has no proof: {}", index, proof.error().message);
  if (auto shown = CheckProof(*proof, leaf); !shown)
    world_.Find("leaf {}: its proof is wrong: {}", index, shown.error().message);
}

// As verify::CheckTlogProof, with a checkpoint that is known already opened but once.
Result<void> Server::CheckProof(std::string_view text, std::string_view leaf) {
  TRY_ASSIGN(verify::TlogProof proof, verify::ParseTlogProof(text));
  TRY_ASSIGN(verify::Checkpoint checkpoint, model_.Opens(proof.checkpoint));
  return verify::CheckInclusion(wire::MerkleLeafHash(leaf), proof.index, checkpoint.size, proof.hashes,
                                checkpoint.root);
}

void Server::Push(Op op) {
  const bool is_end = op.kind == Op::Kind::kEnd;
  Result<void> admitted = is_end ? Result<void>() : core_->room().MayTry();
  if (admitted && !is_end && queue_.size() >= kQueueCountMax)
    admitted = Fail(ErrorCode::kResourceExhausted, "the queue is full");
  if (admitted) return queue_.push_back(std::move(op));
  if (op.kind == Op::Kind::kBegin) core_->open_requests().Forget(op.key);
  world_.stats.Count("work.refused_for_room");
  if (mutation_ == Mutation::kRefusedIsWritten && op.kind == Op::Kind::kLeaf) {
    queue_.push_back(op);
    queue_.back().done = {};
  }
  ledger::FailOp(op, admitted.error());
}

// Notes in the model what is acknowledged.
void Server::Watch(Op& op) {
  op.done = [this, place = model_.NextPlace(), leaf = op.leaf, key = op.key,
             kind = op.kind](Result<ledger::FinishReceipt> receipt) {
    if (!receipt) return static_cast<void>(model_.not_taken.insert(leaf));
    if (!is_up_ && kind == Op::Kind::kLeaf) {  // the first of a boot
      boot_index_ = std::exchange(is_up_, true) ? boot_index_ : receipt->index;
    }
    model_.Acknowledged(place, receipt->index, leaf);
    if (kind != Op::Kind::kEnd) return;
    auto& begun = model_.begun[key];
    if (begun.end == leaf) begun.is_end_acknowledged = true;  // else it is a lost record
  };
}

}  // namespace beleg::sim
