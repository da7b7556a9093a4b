// The records that the simulated server writes: valid, each different from all others.
#pragma once

#include <string>

#include "ledger/ledger.h"
#include "record/audit_record.h"

namespace beleg::sim {

BootId BootOfLife(uint64_t life);
record::Boot BootBody();

// seq: in this boot. boot_index: where its boot record stands.
ledger::BeginFrame BeginOf(const BootId& boot, uint64_t seq, uint64_t boot_index, int64_t start_us);

struct EndOptions {
  bool is_cancelled = false;
  size_t padding_bytes = 0;  // up to what keeps it within record::kRecordBytesMax
};
std::string EndOf(const BootId& boot, const ledger::BeginFrame& begin, int64_t now_us,
                  const EndOptions& options);
std::string RefusedOf(const BootId& boot, const ledger::BeginFrame& begin, int64_t now_us);
std::string HeartbeatOf(const BootId& boot, const ledger::Ledger::OpenSet& open, uint64_t number,
                        int64_t now_us);
std::string ConfigOf(const BootId& boot, uint64_t number, size_t padding_bytes, int64_t now_us);
std::string ShutdownOf(const BootId& boot, uint64_t highest_seq, int64_t now_us);

}  // namespace beleg::sim
