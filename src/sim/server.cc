#include "sim/server.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "ledger/bundle_compression.h"
#include "sim/records.h"
#include "wire/sha256.h"

namespace beleg::sim {
namespace {

using ledger::Op;

constexpr int kDrainStepsMax = 20'000;
constexpr int kTriesMax = 20;  // of a disk that is full

// The world's, a day later: whatever was written is of a closed day.
class NextDay final : public Clock {
 public:
  explicit NextDay(const Clock& today) : today_(today) {}
  int64_t UnixMicros() const override { return today_.UnixMicros() + kDayMicros; }
  int64_t MonoMicros() const override { return today_.MonoMicros(); }

 private:
  static constexpr int64_t kDayMicros = 86'400'000'000;
  const Clock& today_;
};

bool HasLeaf(const Op& op) { return op.kind == Op::Kind::kEnd || op.kind == Op::Kind::kLeaf; }

}  // namespace

ledger::LedgerOptions LogOptions(World& world, io::FileSystem& disk) {
  ledger::LedgerOptions options;
  options.dir = kLogFolder;
  options.origin = "example.org/sim";
  options.wal_segment_bytes = 512 << 10;
  options.free_bytes_min = world.profile().free_bytes_min;
  options.unpublished_bytes_max = 1 << 20;
  options.index_block_leaves = 256;
  options.fs = &disk;
  options.clock = &world.clock;
  options.rng = &world.product_rng;
  return options;
}

Server::Server(World& world, Model& model, Peer& peer, Mutation mutation, uint64_t life)
    : world_(world),
      model_(model),
      peer_(peer),
      mutation_(mutation),
      boot_(BootOfLife(life)),
      disk_(
          world.disk, [this](const io::DiskCall& call) { return Before(call); },
          [this](std::string_view path) { return world_.BeforeRead(path); }) {}

bool Server::Start() {
  model_.NewLife();
  auto core = ledger::LedgerCore::Open(LogOptions(world_, disk_));
  if (!core) {
    Fatal("open", core.error());
    return false;
  }
  core_ = std::move(*core);
  model_.HasKey(core_->vkey());
  auto opened = serve::SpanExport::Open({&disk_, kLogFolder, core_->origin(), record::Semconv::kLegacy},
                                        [this](uint64_t first, size_t count_max, size_t bytes_max) {
                                          return core_->Read(first, count_max, bytes_max);
                                        });
  if (!opened) {
    Fatal("open the cursor", opened.error());
    return false;
  }
  export_ = std::move(*opened);
  if (export_->next() < model_.cursor)
    world_.Find("the exporter's cursor is {} after a start, {} was durable", export_->next(), model_.cursor);
  const auto published = core_->published();
  model_.Published(published->size(), published->root);
  auto ops = core_->BootOps(boot_, BootBody());
  if (!ops) {
    Fatal("boot", ops.error());
    return false;
  }
  // As Ledger::BeginBoot: first the boot, then what is lost.
  for (Op& op : *ops)
    if (op.kind == Op::Kind::kLeaf) PushBootOp(op);
  WriteQueue();
  if (!is_up_ && !core_->room().status()) why_ = core_->room().status().error().message;
  if (!is_up_ || has_ended_) return false;
  for (Op& op : *ops)
    if (op.kind == Op::Kind::kEnd) PushBootOp(op);
  WriteQueue();
  return !has_ended_;
}

void Server::PushBootOp(Op& op) {
  const bool is_lost = op.kind == Op::Kind::kEnd;
  if (is_lost) world_.stats.Count("reached.lost_requests");
  if (is_lost && mutation_ == Mutation::kLostNever) return;
  if (is_lost && mutation_ == Mutation::kLostTwice) {
    queue_.push_back(op);
    queue_.back().kind = Op::Kind::kLeaf;
  }
  Watch(op);
  queue_.push_back(std::move(op));
}

// Writes all that waits, unless the disk stays full.
void Server::WriteQueue() {
  for (int i = 0; i < kTriesMax && !queue_.empty() && !has_ended_; ++i) {
    world_.clock.AdvanceMicros(250'000);
    Act(kWriter);
  }
}

bool Server::Step() {
  world_.clock.AdvanceMicros(static_cast<int64_t>(1 + world_.Below(60'000)));
  const uint64_t what = world_.Below(11);
  if (world_.Happens(world_.profile().publications))
    Act(kPublisher);
  else
    Act(what < 4 ? kClients : what < 8 ? kWriter : what < 10 ? kExporter : kCompressor);
  if (!has_ended_ && world_.Below(8) == 0) CheckOpenSet();
  return !has_ended_;
}

void Server::Act(Actor actor) {
  is_busy_[actor] = true;
  switch (actor) {
    case kWriter: CommitSome(); break;
    case kPublisher: PublishSome(); break;
    case kExporter: ExportSome(); break;
    case kClients: ClientActs(); break;
    case kCompressor: CompressSome(); break;
    case kActorCount: break;
  }
  is_busy_[actor] = false;
  if (world_.disk.is_dead()) has_ended_ = true;
}

bool Server::Before(const io::DiskCall& call) {
  if (is_up_ && !has_ended_ && world_.Happens(world_.profile().preemptions)) {
    const auto actor = static_cast<Actor>(world_.Below(kActorCount));
    if (MayComeBetween(actor)) {
      world_.stats.Count("reached.preempted");
      Act(actor);
    }
  }
  if (call.act == io::DiskAct::kRemove && call.path.ends_with(".wal"))
    world_.stats.Count("reached.segment_removed");
  if (call.act == io::DiskAct::kRename && call.path.ends_with(".ids"))
    world_.stats.Count("reached.index_block");
  if (call.act == io::DiskAct::kRename && call.path.ends_with(".zst"))
    world_.stats.Count("reached.bundle_compressed");
  if (call.act == io::DiskAct::kRemoveFolder) world_.stats.Count("reached.tile_is_full");
  world_.Before(call);
  return !LeavesOut(mutation_, call);
}

bool Server::MayComeBetween(Actor actor) const {
  if (is_busy_[actor]) return false;
  // One of the two waits while the other makes a segment.
  return !(actor == kWriter && makes_segments_);
}

std::vector<Op> Server::Take() {
  std::vector<Op> ops;
  size_t bytes = 0;
  while (!queue_.empty()) {
    bytes += queue_.front().size_bytes();
    if (!ops.empty() && bytes > core_->ops_bytes_max()) break;
    ops.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return ops;
}

void Server::CommitSome() {
  if (queue_.empty() || !PublisherCatchesUp()) return;
  std::vector<Op> ops = Take();
  world_.stats.Count("work.groups");
  if (mutation_ == Mutation::kGroupsReordered && ops.size() > 1 && HasLeaf(ops[0]) && HasLeaf(ops[1]))
    std::swap(ops[0], ops[1]);
  if (auto committed = core_->Commit(ops); !committed) return Fatal("commit", committed.error());
  if (ops.empty()) return;
  world_.stats.Count("reached.end_waits_for_room");
  if (is_up_ && !world_.has_errors())
    world_.Find("an end did not fit on a full disk, though its begin had reserved room for it");
  queue_.insert(queue_.begin(), std::make_move_iterator(ops.begin()), std::make_move_iterator(ops.end()));
}

// As the ledger's writer: false while it waits for a publisher that is at work.
bool Server::PublisherCatchesUp() {
  const size_t limit = core_->options().unpublished_bytes_max / 2;
  while (core_->unpublished_bytes() > limit && !publish_fails_ && !has_ended_) {
    world_.stats.Count("reached.writer_waits_for_publisher");
    if (is_busy_[kPublisher]) return false;
    Act(kPublisher);
  }
  return !has_ended_;
}

void Server::PublishSome() {
  const auto stops = [this](const char* where, const Result<void>& done) {
    if (done) return false;
    if (done.error().code == ErrorCode::kResourceExhausted && world_.has_trouble()) {
      world_.stats.Count("reached.publish_waits_for_room");
      return true;
    }
    Fatal(where, done.error());
    return true;
  };
  if (world_.Below(4) != 0 && stops("publish", Publish())) return;
  auto forward = core_->Retire();
  if (!forward) {
    stops("retire", std::unexpected<Error>(forward.error()));
    return;
  }
  if (*forward) {
    world_.stats.Count("reached.begins_copied_forward");
    queue_.push_back(std::move(**forward));
  }
  if (is_busy_[kWriter]) return;  // it may hold what RefreshRoom waits for
  makes_segments_ = true;
  stops("refresh room", core_->RefreshRoom());
  makes_segments_ = false;
}

Result<void> Server::Publish() {
  const uint64_t before = core_->published()->size();
  auto done = core_->Publish();
  publish_fails_ = !done;
  const auto now = core_->published();
  // Even after an error: it may come from the index, which follows the checkpoint.
  if (now->size() > before) model_.Published(now->size(), now->root);
  return done;
}

void Server::ExportSome() {
  auto request = export_->NextRequest();
  if (request) model_.CursorIsDurable(export_->next());
  if (!request) {
    world_.stats.Count("reached.export_waits_for_disk");
    if (!world_.has_trouble()) Fatal("export", request.error());
    return;
  }
  if (request->empty()) return;
  auto answer = peer_.Send(*request);
  if (mutation_ == Mutation::kCursorBeforeAnswer) answer = serve::SpanExport::Answer::kTaken;
  auto done = export_->Answered(answer);
  if (done)
    model_.CursorIsDurable(export_->next());
  else if (!world_.has_trouble())
    Fatal("move the cursor", done.error());
}

// One bundle, by a compressor that looks at the whole folder each time.
void Server::CompressSome() {
  const NextDay next_day(world_.clock);
  bundle::CompressorOptions options = ledger::CompressionOf(*core_);
  options.clock = &next_day;
  auto did = bundle::Compressor(std::move(options)).Step();
  if (did) return;
  if (did.error().code != ErrorCode::kResourceExhausted || !world_.has_trouble())
    Fatal("compress", did.error());
}

void Server::Stop() {
  WriteQueue();
  if (has_ended_ || !queue_.empty()) return;
  Op op;
  op.leaf = ShutdownOf(boot_, last_seq_, world_.clock.UnixMicros());
  Watch(op);
  Push(std::move(op));
  WriteQueue();
  for (int i = 0; i < kTriesMax && !has_ended_; ++i) Act(kPublisher);
  if (!has_ended_ && core_->published()->size() == core_->durable_size())
    world_.stats.Count("reached.orderly_end");
}

void Server::Drain() {
  for (int i = 0; i < kDrainStepsMax && !has_ended_; ++i) {
    world_.clock.AdvanceMicros(250'000);
    const bool is_drained = queue_.empty() && core_->published()->size() == core_->durable_size() &&
                            export_->next() == core_->durable_size();
    if (is_drained) return;
    Act(kWriter);
    Act(kPublisher);
    Act(kExporter);
  }
  world_.Find("not all is published and exported on a disk and a network that are well");
}

void Server::CheckOpenSet() {
  std::string seqs;
  for (uint64_t seq : open_) PutBig64(seqs, seq);
  const Hash32 digest = open_.empty() ? Hash32{} : wire::Sha256(seqs);
  const auto open = core_->open_requests().Summary(boot_);
  if (open.count != static_cast<int64_t>(open_.size()) || open.digest != digest)
    world_.Find("the open set has {} requests, or others than the {} begun and not ended", open.count,
                open_.size());
}

void Server::Fatal(const char* where, const Error& error) {
  has_ended_ = true;
  why_ = fmt::format("{}: {}", where, error.message);
  if (!world_.has_trouble()) world_.Find("{} fails on a disk that works: {}", where, error.message);
  world_.stats.Count("reached.process_stopped");
  // Its other threads are gone with it.
  if (!world_.disk.is_dead()) world_.disk.KillAt(0);
}

}  // namespace beleg::sim
