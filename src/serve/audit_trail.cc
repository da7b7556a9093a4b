#include "serve/audit_trail.h"

#include <algorithm>

#include "base/log.h"

namespace beleg::serve {

std::string_view Name(AuditMode mode) {
  switch (mode) {
    case AuditMode::kClosed: return "closed";
    case AuditMode::kOpen: return "open";
    case AuditMode::kOff: return "off";
  }
  return "";
}

namespace {

// Two spans of requests without a record, told as one.
record::Unrecorded Joined(const record::Unrecorded& a, const record::Unrecorded& b) {
  if (a.requests == 0) return b;
  return {a.requests + b.requests, std::min(a.first_seq, b.first_seq), std::max(a.last_seq, b.last_seq),
          std::min(a.first_us, b.first_us), b.error};
}

}  // namespace

record::Counters AtomicCounters::Snapshot() const {
  record::Counters out;
  out.accepted = accepted, out.answered = answered, out.failed = failed, out.cancelled = cancelled;
  out.refused = refused, out.unauthenticated = unauthenticated, out.unreadable = unreadable;
  out.unknown_path = unknown_path, out.no_room = no_room;
  return out;
}

Result<std::unique_ptr<AuditTrail>> AuditTrail::Open(Options options) {
  std::unique_ptr<AuditTrail> trail(new AuditTrail(std::move(options)));
  trail->boot_ = {trail->options_.rng->Draw<std::array<uint8_t, 8>>()};
  if (trail->mode() == AuditMode::kOff) return trail;
  TRY(trail->WriteOpening());
  {
    MutexLock lock(trail->beat_mutex_);
    trail->last_beat_mono_us_ = trail->options_.clock->MonoMicros();
  }
  trail->heartbeat_ = Thread("heartbeat", [raw = trail.get()](std::stop_token stop) { raw->Beat(stop); });
  return trail;
}

AuditTrail::~AuditTrail() { Close("error"); }

Result<void> AuditTrail::WriteOpening() {
  TRY_ASSIGN(boot_index_, options_.ledger->BeginBoot(boot_, options_.boot));
  TRY_ASSIGN(ledger::FinishReceipt model, options_.ledger->AppendAndWait(Encode(options_.model)));
  model_index_ = model.index;
  TRY(options_.ledger->AppendAndWait(Encode(options_.config)));
  return {};
}

std::string AuditTrail::Encode(record::Body body) const {
  return record::Encode({boot_, options_.clock->UnixMicros(), std::move(body)});
}

Result<void> AuditTrail::Ready() const {
  if (options_.ledger == nullptr) return {};
  return options_.ledger->Health();
}

record::RequestIdentity AuditTrail::NewRequest(record::Operation operation, std::string caller,
                                               const TraceId* trace_id, const SpanId* parent) {
  record::RequestIdentity id;
  id.seq = ++last_seq_;
  id.boot_index = boot_index_;
  id.trace_id = trace_id != nullptr ? *trace_id : NewTraceId(*options_.clock, *options_.rng);
  if (parent != nullptr) id.parent_span_id = *parent;
  id.operation = operation;
  id.caller = std::move(caller);
  return id;
}

void AuditTrail::Begin(const record::RequestIdentity& id, int64_t start_us, ledger::BeginCallback done) {
  if (options_.ledger == nullptr) return done(ledger::BeginReceipt{});
  ExplainUnrecorded();
  options_.ledger->Begin({id, IdOf(id), start_us},
                         [this, done = std::move(done)](Result<ledger::BeginReceipt> receipt) {
                           if (receipt) ++counters_.accepted;
                           done(std::move(receipt));
                         });
}

net::Awaitable<Result<ledger::FinishReceipt>> AuditTrail::Finish(boost::asio::any_io_executor executor,
                                                                 record::Request request) {
  std::atomic<int64_t>& counter = request.outcome == record::Outcome::kOk       ? counters_.answered
                                  : request.outcome == record::Outcome::kFailed ? counters_.failed
                                                                                : counters_.cancelled;
  if (options_.ledger == nullptr) co_return ledger::FinishReceipt{};
  uint64_t seq = request.id.seq;
  OneShot<Result<ledger::FinishReceipt>> done(executor);
  options_.ledger->Finish(seq, Encode(std::move(request)), done.Setter());
  Result<ledger::FinishReceipt> receipt = co_await done.Get();
  if (receipt) ++counter;
  co_return receipt;
}

net::Awaitable<Result<ledger::FinishReceipt>> AuditTrail::Refuse(boost::asio::any_io_executor executor,
                                                                 record::Refused refused) {
  if (options_.ledger == nullptr) co_return ledger::FinishReceipt{};
  ExplainUnrecorded();
  OneShot<Result<ledger::FinishReceipt>> done(executor);
  options_.ledger->Append(Encode(std::move(refused)), done.Setter());
  Result<ledger::FinishReceipt> receipt = co_await done.Get();
  if (receipt) ++counters_.refused;
  co_return receipt;
}

net::Awaitable<Result<void>> AuditTrail::MirroredBegin(boost::asio::any_io_executor executor) {
  if (ack_ == nullptr) co_return Result<void>();
  OneShot<Result<void>> done(executor);
  ack_->WaitForBegin(done.Setter());
  co_return co_await done.Get();
}

net::Awaitable<Result<void>> AuditTrail::MirroredLeaf(boost::asio::any_io_executor executor, uint64_t index) {
  if (ack_ == nullptr) co_return Result<void>();
  OneShot<Result<void>> done(executor);
  ack_->WaitForLeaf(index, done.Setter());
  co_return co_await done.Get();
}

void AuditTrail::CountUnrecorded(const record::RequestIdentity& id, int64_t start_us, const Error& why) {
  ++counters_.unrecorded;
  MutexLock lock(unrecorded_mutex_);
  unrecorded_ = Joined(unrecorded_, {1, id.seq, id.seq, start_us, std::string(ErrorCodeName(why.code))});
  if (!has_unrecorded_.exchange(true)) LOG_ERROR("serve.answering_without_records", F("why", why.message));
}

// Before the next record, so that it stands in front of it.
void AuditTrail::ExplainUnrecorded() {
  if (!has_unrecorded_ || !options_.ledger->Health()) return;
  record::Unrecorded told;
  {
    MutexLock lock(unrecorded_mutex_);
    if (!has_unrecorded_.exchange(false)) return;
    told = std::exchange(unrecorded_, {});
  }
  options_.ledger->Append(Encode(told), [this, told](Result<ledger::FinishReceipt> receipt) {
    if (receipt) {
      LOG_WARN("serve.records_again", F("requests_without_record", told.requests));
      return;
    }
    MutexLock lock(unrecorded_mutex_);
    unrecorded_ = unrecorded_.requests == 0 ? told : Joined(told, unrecorded_);
    has_unrecorded_ = true;
  });
}

void AuditTrail::Beat(std::stop_token stop) {
  while (!stop.stop_requested()) {
    {
      MutexLock lock(stop_mutex_);
      if (!stop.stop_requested()) stop_.WaitFor(stop_mutex_, options_.heartbeat_interval);
    }
    ExplainUnrecorded();
    if (!IsBeatDue()) continue;
    if (auto done = BeatNow(); !done) LOG_WARN("serve.heartbeat_not_written", F("why", done.error().message));
  }
}

// Each interval in which something was open, ended or counted; else seldom, so that an idle log hardly grows.
bool AuditTrail::IsBeatDue() {
  MutexLock lock(beat_mutex_);
  const int64_t age_us = options_.clock->MonoMicros() - last_beat_mono_us_;
  return counters_.Snapshot() != last_counters_ || options_.ledger->open_set().count > 0 ||
         age_us >= std::chrono::microseconds(options_.idle_heartbeat_interval).count();
}

Result<uint64_t> AuditTrail::BeatNow() {
  MutexLock lock(beat_mutex_);
  record::Heartbeat beat;
  beat.counters = last_counters_ = counters_.Snapshot();
  const ledger::Ledger::OpenSet open = options_.ledger->open_set();
  beat.highest_seq = last_seq_;
  beat.open_requests = open.count;
  beat.open_digest = open.digest;
  beat.clock_source = "system";
  last_beat_mono_us_ = options_.clock->MonoMicros();
  TRY_ASSIGN(const ledger::FinishReceipt receipt, options_.ledger->AppendAndWait(Encode(std::move(beat))));
  return receipt.index;
}

void AuditTrail::Close(std::string reason) {
  if (std::exchange(closed_, true) || options_.ledger == nullptr || !heartbeat_.joinable()) return;
  heartbeat_.RequestStop();
  stop_.NotifyAll();
  heartbeat_.Join();
  ExplainUnrecorded();
  record::Shutdown shutdown{std::move(reason), counters_.Snapshot(), last_seq_};
  if (auto done = options_.ledger->AppendAndWait(Encode(std::move(shutdown))); !done)
    LOG_WARN("serve.shutdown_not_written", F("why", done.error().message));
}

}  // namespace beleg::serve
