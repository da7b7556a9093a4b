#include "sim/records.h"

#include "base/bytes.h"
#include "record/request_id.h"

namespace beleg::sim {

BootId BootOfLife(uint64_t life) {
  BootId boot;
  for (size_t i = 0; i < 8; ++i) boot.bytes[i] = static_cast<uint8_t>(0xb0 + life * (i + 1));
  boot.bytes[7] = static_cast<uint8_t>(life);
  return boot;
}

record::Boot BootBody() {
  return {.version = "0.1.0",
          .build = "sim",
          .service_name = "vllm",
          .region = "",
          .environment = "",
          .host = "h-sim",
          .audit = "closed",
          .clock_source = "system",
          .previous_boot = {},
          .previous_clean = false,
          .lost_requests = 0};
}

ledger::BeginFrame BeginOf(const BootId& boot, uint64_t seq, uint64_t boot_index, int64_t start_us) {
  ledger::BeginFrame begin;
  begin.id.seq = seq;
  begin.id.boot_index = boot_index;
  for (size_t i = 0; i < 16; ++i) begin.id.trace_id.bytes[i] = static_cast<uint8_t>(boot.bytes[i % 8] + i);
  begin.id.trace_id.bytes[15] = static_cast<uint8_t>(seq);
  begin.id.caller = seq % 7 == 0 ? std::string(1024, 'c') : "team-a";
  begin.request_id = record::DeriveRequestId(boot, seq, begin.id.trace_id);
  begin.start_us = start_us;
  return begin;
}

std::string EndOf(const BootId& boot, const ledger::BeginFrame& begin, int64_t now_us,
                  const EndOptions& options) {
  record::Request request;
  request.id = begin.id;
  request.model = "model" + std::string(options.padding_bytes, 'x');
  request.model_index = begin.id.boot_index;
  request.params.max_tokens = static_cast<int64_t>(begin.id.seq);
  if (options.is_cancelled) {
    request.outcome = record::Outcome::kCancelled;
    request.error = record::ErrorType::kClientGone;
    request.status = 499;
  } else {
    request.finish_reasons = {"stop"};
  }
  request.start_us = begin.start_us;
  request.duration_us = 1'000;
  return record::Encode({boot, now_us, request});
}

std::string RefusedOf(const BootId& boot, const ledger::BeginFrame& begin, int64_t now_us) {
  record::Refused refused;
  refused.id = begin.id;
  refused.start_us = begin.start_us;
  return record::Encode({boot, now_us, refused});
}

std::string HeartbeatOf(const BootId& boot, const ledger::Ledger::OpenSet& open, uint64_t number,
                        int64_t now_us) {
  record::Heartbeat heartbeat;
  heartbeat.counters.accepted = static_cast<int64_t>(number);
  heartbeat.highest_seq = open.highest_seq;
  heartbeat.open_requests = open.count;
  heartbeat.open_digest = open.digest;
  heartbeat.clock_source = "system";
  return record::Encode({boot, now_us, heartbeat});
}

std::string ConfigOf(const BootId& boot, uint64_t number, size_t padding_bytes, int64_t now_us) {
  return record::Encode(
      {boot, now_us,
       record::Config{{{"number", std::to_string(number)}, {"padding", std::string(padding_bytes, 'x')}}}});
}

std::string ShutdownOf(const BootId& boot, uint64_t highest_seq, int64_t now_us) {
  return record::Encode({boot, now_us, record::Shutdown{"signal", {}, highest_seq}});
}

}  // namespace beleg::sim
