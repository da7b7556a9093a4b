// AuditTrail: the ledger as serve uses it. Numbers requests, counts outcomes, writes begin, end and heartbeats, and awaits the disk.
//
// Threads: any; awaited calls resume on the caller's executor.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/rng.h"
#include "base/thread.h"
#include "ledger/ledger.h"
#include "record/request_id.h"
#include "serve/mirror_ack.h"
#include "serve/wakeup.h"

namespace beleg::serve {

enum class AuditMode {
  kClosed,  // no ledger, no inference
  kOpen,    // while the ledger takes nothing, requests run without a record; how many is on record later
  kOff,     // no records at all: benches
};
std::string_view Name(AuditMode mode);  // "closed", "open", "off"

// Counters of records and of what never became one; the heartbeat's content.
struct AtomicCounters {
  std::atomic<int64_t> accepted{0}, answered{0}, failed{0}, cancelled{0}, refused{0};
  std::atomic<int64_t> unauthenticated{0}, unreadable{0}, unknown_path{0}, no_room{0};
  std::atomic<int64_t> unrecorded{0};  // in no heartbeat: `unrecorded` records say them
  record::Counters Snapshot() const;
};

class AuditTrail {
 public:
  struct Options {
    ledger::Ledger* ledger = nullptr;  // null: AuditMode::kOff
    bool open = false;                 // AuditMode::kOpen
    record::Boot boot;                 // BeginBoot fills in the rest
    record::Model model;
    record::Config config;
    const Clock* clock = nullptr;
    Rng* rng = nullptr;
    std::chrono::milliseconds heartbeat_interval{900};  // with its write at most a second apart
    // An idle log grows by one heartbeat in this time, so that its silence means something to mirrors and witnesses.
    std::chrono::seconds idle_heartbeat_interval{60};
  };
  // Writes boot, model and config records. Errors are the ledger's.
  static Result<std::unique_ptr<AuditTrail>> Open(Options options);
  ~AuditTrail();  // Close("error") unless closed

  AuditMode mode() const {
    if (options_.ledger == nullptr) return AuditMode::kOff;
    return options_.open ? AuditMode::kOpen : AuditMode::kClosed;
  }
  const BootId& boot() const { return boot_; }
  AtomicCounters& counters() { return counters_; }
  ledger::Ledger* ledger() { return options_.ledger; }

  // Ok, or why no record can be written now.
  Result<void> Ready() const;
  // Ok, or why no request may start.
  Result<void> MayRun() const { return mode() == AuditMode::kOpen ? Result<void>() : Ready(); }

  // A new request's identity: seq, boot_index, and trace id (the client's or a new one).
  record::RequestIdentity NewRequest(record::Operation operation, std::string caller, const TraceId* trace_id,
                                     const SpanId* parent);
  RequestId IdOf(const record::RequestIdentity& id) const {
    return record::DeriveRequestId(boot_, id.seq, id.trace_id);
  }

  // Starts the begin frame on its way; `done` as Ledger::Begin has it. No byte of the answer before.
  void Begin(const record::RequestIdentity& id, int64_t start_us, ledger::BeginCallback done);
  // Durable on return, and the begin with it. May come before Begin is answered; kFailedPrecondition when that was refused.
  net::Awaitable<Result<ledger::FinishReceipt>> Finish(boost::asio::any_io_executor executor,
                                                       record::Request request);
  net::Awaitable<Result<ledger::FinishReceipt>> Refuse(boost::asio::any_io_executor executor,
                                                       record::Refused refused);

  // From here on requests wait for the mirror (--ack=mirror). It outlives the requests, not this.
  void SetMirrorAck(MirrorAck* ack) { ack_ = ack; }
  bool waits_for_mirror() const { return ack_ != nullptr; }
  // Ok at once without it. Else as MirrorAck: what is begun, or this leaf, is on the mirror's disk.
  net::Awaitable<Result<void>> MirroredBegin(boost::asio::any_io_executor executor);
  net::Awaitable<Result<void>> MirroredLeaf(boost::asio::any_io_executor executor, uint64_t index);
  // Appends a heartbeat now; its index, once it is durable.
  Result<uint64_t> BeatNow();
  // AuditMode::kOpen: the request was answered, or refused, without a record because of this error of Begin or Refuse. The next
  // record that the ledger takes says so.
  void CountUnrecorded(const record::RequestIdentity& id, int64_t start_us, const Error& why);

  uint64_t model_index() const { return model_index_; }

  // Last heartbeat and shutdown record.
  void Close(std::string reason);

 private:
  explicit AuditTrail(Options options) : options_(std::move(options)) {}
  Result<void> WriteOpening();
  void Beat(std::stop_token stop);
  bool IsBeatDue();
  void ExplainUnrecorded();
  std::string Encode(record::Body body) const;

  Options options_;
  BootId boot_;
  uint64_t boot_index_ = 0, model_index_ = 0;
  std::atomic<uint64_t> last_seq_{0};
  std::atomic<bool> has_unrecorded_{false};
  Mutex unrecorded_mutex_;
  record::Unrecorded unrecorded_ GUARDED_BY(unrecorded_mutex_);  // not yet on record
  AtomicCounters counters_;
  MirrorAck* ack_ = nullptr;
  Mutex beat_mutex_;  // counters never fall from one heartbeat to the next
  record::Counters last_counters_ GUARDED_BY(beat_mutex_);
  int64_t last_beat_mono_us_ GUARDED_BY(beat_mutex_) = 0;
  Mutex stop_mutex_;
  CondVar stop_;
  bool closed_ = false;
  Thread heartbeat_;
};

}  // namespace beleg::serve
