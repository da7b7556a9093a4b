// The ledger on a simulated disk, killed and cut off at every kind of moment: what was promised must be there afterwards.
#include <cstdlib>
#include <map>
#include <set>

#include "base/log.h"
#include "io/simulated_disk.h"
#include "ledger/entry_bundle.h"
#include "ledger/ledger_core.h"
#include "ledger/testing.h"
#include "wire/sha256.h"

namespace beleg::ledger {
namespace {

constexpr const char* kDir = "/log";

// One log over several lives of its process. Everything is a function of the seed.
class Simulation {
 public:
  explicit Simulation(uint64_t seed) : disk_(seed * 2 + 1), rng_(seed), system_rng_(seed + 1'000'000) {}

  void Run(int lives) {
    for (int life = 1; life <= lives && !testing::Test::HasFailure(); ++life)
      Live(static_cast<uint8_t>(life));
    disk_.SetFault({});
    disk_.CutPower();
    CheckLog(255);
  }

 private:
  struct Begun {
    bool is_begun = false;  // acknowledged
    bool is_ended = false;  // acknowledged
    std::string end;        // what Finish gave
  };

  LedgerOptions Options() {
    LedgerOptions options = TestOptions(kDir);
    options.fs = &disk_;
    options.clock = &clock_;
    options.rng = &system_rng_;
    options.index_block_leaves = 256;
    return options;
  }
  uint64_t Below(uint64_t limit) { return rng_.Next() % limit; }

  // Opens, works, and dies.
  void Live(uint8_t life) {
    SetFault();
    core_ = nullptr;
    if (auto core = LedgerCore::Open(Options())) {
      core_ = std::move(*core);
      boot_ = TestBoot(life);
      seq_ = 0;
      Work();
    }
    Die();
    if (Below(2) == 0)
      CheckLog(life);  // else the next life finds the log as it is, and may die in its recovery
  }

  // The n-th call of this life fails, once, for a while, or for ever: the process is then stopped, or heals.
  void SetFault() {
    const uint64_t first = disk_.calls() + 1 + Below(Below(2) == 0 ? 60 : 600);
    const uint64_t last = Below(3) == 0 ? UINT64_MAX : first + Below(12);
    const ErrorCode code = Below(2) == 0 ? ErrorCode::kDataLoss : ErrorCode::kResourceExhausted;
    disk_.SetFault([=](uint64_t call) -> Result<void> {
      if (call >= first && call <= last) return Fail(code, "injected");
      return {};
    });
  }

  void Work() {
    auto boot_ops = core_->BootOps(boot_, TestBootBody());
    if (!boot_ops) return;
    for (Op& op : *boot_ops) Watch(op);
    bool lives = Commit(std::move(*boot_ops));
    for (int step = 0; lives && step < 60; ++step) {
      clock_.AdvanceMicros(50'000);
      const uint64_t what = Below(10);
      lives = what < 7 ? CommitSome() : what < 9 ? Publish() : Retire();
    }
  }

  bool CommitSome() {
    std::vector<Op> ops = std::exchange(again_, {});
    size_t bytes = 0;
    for (const Op& op : ops) bytes += op.size_bytes();
    for (uint64_t i = 0, count = 1 + Below(12); i < count; ++i) {
      Op op = RandomOp();
      bytes += op.size_bytes();
      if (bytes > core_->ops_bytes_max()) {
        kept_ = std::move(op);
        break;
      }
      ops.push_back(std::move(op));
    }
    return Commit(std::move(ops));
  }

  Op RandomOp() {
    if (kept_) return *std::exchange(kept_, std::nullopt);
    Op op;
    const uint64_t what = Below(3);
    if (what == 0) {
      op.kind = Op::Kind::kBegin;
      op.begin = TestBegin(++seq_, boot_);
      op.key = {boot_, seq_};
      core_->open_requests().Begin(op.key, op.begin);
      begun_[op.key] = {};
      running_.push_back(seq_);
      op.begin_done = [this, key = op.key](Result<BeginReceipt> receipt) {
        if (receipt) begun_[key].is_begun = true;
      };
    } else if (what == 1 && !running_.empty()) {
      const size_t at = Below(running_.size());
      const uint64_t seq = running_[at];
      running_.erase(running_.begin() + static_cast<ptrdiff_t>(at));
      op.kind = Op::Kind::kEnd;
      op.key = {boot_, seq};
      op.leaf = begun_[op.key].end = TestEnd(seq, boot_);
      op.request_id = core_->open_requests().End(op.key);
      Watch(op);
    } else {
      const size_t padding = Below(8) == 0 ? Below(60'000) : Below(1'000);
      op.leaf = Below(2) == 0 ? "a leaf like others"
                              : fmt::format("leaf {} {}", rng_.Next(), std::string(padding, 'x'));
      Watch(op);
    }
    return op;
  }

  // Notes what is acknowledged.
  void Watch(Op& op) {
    op.done = [this, leaf = op.leaf, key = op.key, kind = op.kind](Result<FinishReceipt> receipt) {
      if (!receipt) return;
      EXPECT_FALSE(acknowledged_.contains(receipt->index))
          << "index " << receipt->index << " was given twice";
      acknowledged_[receipt->index] = leaf;
      if (kind == Op::Kind::kEnd && begun_[key].end == leaf)
        begun_[key].is_ended = true;  // else: a lost record
    };
  }

  // False: the process stops.
  bool Commit(std::vector<Op> ops) {
    auto again = core_->Commit(std::move(ops));
    if (!again) return false;
    again_ = std::move(*again);
    return true;
  }

  bool Publish() {
    auto published = core_->Publish();
    NoteCheckpoint();
    return published || published.error().code == ErrorCode::kResourceExhausted;
  }

  bool Retire() {
    auto forward = core_->Retire();
    if (!forward) return forward.error().code == ErrorCode::kResourceExhausted;
    if (!*forward) return core_->RefreshRoom().has_value();
    std::vector<Op> ops;
    ops.push_back(std::move(**forward));
    return Commit(std::move(ops));
  }

  void NoteCheckpoint() {
    const auto published = core_->published();
    auto [it, is_new] = roots_.emplace(published->size(), published->root);
    EXPECT_EQ(it->second, published->root) << "two checkpoints of size " << published->size();
  }

  void Die() {
    if (core_) NoteCheckpoint();
    again_.clear();
    kept_.reset();
    running_.clear();
    disk_.SetFault({});
    if (Below(2) == 0)
      disk_.Kill();
    else
      disk_.CutPower();
    core_ = nullptr;
  }

  // On a disk that works again.
  void CheckLog(int life) {
    std::vector<std::string> leaves = ReadAll();
    if (Below(4) == 0) disk_.Kill();
    if (Below(4) == 0) disk_.CutPower();
    EXPECT_EQ(ReadAll(), leaves) << "recovery twice is not recovery once, life " << life;
    for (const auto& [index, leaf] : acknowledged_) {
      ASSERT_LT(index, leaves.size()) << "an acknowledged leaf is gone, life " << life;
      ASSERT_EQ(leaves[index], leaf) << "leaf " << index << " changed, life " << life;
    }
    CheckRoots(leaves);
    if (life == 255) CheckRequests();
  }

  std::vector<std::string> ReadAll() {
    auto core = LedgerCore::Open(Options());
    EXPECT_TRUE(core) << core.error().message;
    if (!core) return {};
    std::vector<std::string> leaves;
    while (leaves.size() < (*core)->durable_size()) {
      auto part = (*core)->Read(leaves.size(), 1000, 1 << 20);
      EXPECT_TRUE(part && !part->empty()) << "leaf " << leaves.size();
      if (!part || part->empty()) break;
      for (Leaf& leaf : *part) leaves.push_back(std::move(leaf.bytes));
    }
    while ((*core)->published()->size() < leaves.size()) EXPECT_TRUE((*core)->Publish());
    return leaves;
  }

  // Every published checkpoint is one of these leaves, and the files of the newest are all there.
  void CheckRoots(const std::vector<std::string>& leaves) {
    TreeEdge edge;
    std::vector<TileFile> full;
    size_t checked = 0;
    std::string bundle;
    for (size_t size = 0; size <= leaves.size(); ++size) {
      if (auto it = roots_.find(size); it != roots_.end()) {
        ++checked;
        EXPECT_EQ(edge.Root(), it->second) << "the published checkpoint of size " << size << " is not kept";
      }
      if (size == leaves.size()) break;
      edge.Append(wire::MerkleLeafHash(leaves[size]), full);
      AppendEntry(bundle, leaves[size]);
      if (edge.size() % 256 == 0)
        full.push_back({{kEntriesLevel, size / 256, 256}, std::exchange(bundle, {})});
    }
    for (TileFile& tile : edge.Partials()) full.push_back(std::move(tile));
    if (!bundle.empty()) full.push_back({{kEntriesLevel, edge.size() / 256, edge.size() % 256}, bundle});
    for (const TileFile& tile : full) {
      auto bytes = io::ReadFile(disk_, fmt::format("{}/public/{}", kDir, TilePath(tile.id)));
      EXPECT_TRUE(bytes && *bytes == tile.bytes) << TilePath(tile.id);
    }
    EXPECT_EQ(checked, roots_.size()) << "a published checkpoint is larger than the log";
  }

  // The last boot closes what is open; then every begun request has one record.
  void CheckRequests() {
    core_ = std::move(LedgerCore::Open(Options()).value());
    ASSERT_TRUE(core_->Commit(core_->BootOps(TestBoot(255), TestBootBody()).value()));
    EXPECT_TRUE(core_->open_requests().All().empty());
    std::map<RequestId, std::vector<std::string>> records;
    for (uint64_t index = 0; index < core_->durable_size(); ++index) {
      const std::string leaf = core_->Read(index, 1, SIZE_MAX).value()[0].bytes;
      if (auto id = RequestIdOf(leaf)) records[*id].push_back(leaf);
    }
    for (const auto& [key, begun] : begun_) {
      const RequestId id = TestBegin(key.seq, key.boot).request_id;
      const auto& found = records[id];
      EXPECT_LE(found.size(), 1u) << "seq " << key.seq;
      if (begun.is_begun) {
        EXPECT_EQ(found.size(), 1u) << "seq " << key.seq << " was begun";
        EXPECT_TRUE(core_->FindRequest(id)) << "seq " << key.seq;
      }
      if (begun.is_ended && !found.empty()) {
        EXPECT_EQ(found[0], begun.end);
      }
    }
  }

  io::SimulatedDisk disk_;
  SeededRng rng_;
  SeededRng system_rng_;
  ManualClock clock_;
  std::unique_ptr<LedgerCore> core_;
  BootId boot_;
  uint64_t seq_ = 0;
  std::vector<uint64_t> running_;
  std::vector<Op> again_;
  std::optional<Op> kept_;                        // did not fit into a group
  std::map<uint64_t, std::string> acknowledged_;  // by index
  std::map<uint64_t, Hash32> roots_;              // of published checkpoints, by size
  std::map<RequestKey, Begun> begun_;
};

TEST(Crash, WhatWasPromisedIsThereAfterwards) {
  SetLogLevel("off");
  const char* one = std::getenv("BELEG_SEED");
  const uint64_t first = one != nullptr ? ParseUint64(one).value() : 1;
  const char* many = std::getenv("BELEG_SEEDS");
  const uint64_t count = many != nullptr ? ParseUint64(many).value() : one != nullptr ? 1 : 40;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    Simulation(seed).Run(8);
    if (HasFailure()) {
      ADD_FAILURE() << "BELEG_SEED=" << seed << " runs it again";
      break;
    }
  }
  SetLogLevel("info");
}

}  // namespace
}  // namespace beleg::ledger
