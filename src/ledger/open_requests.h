// Which requests are begun and not ended, and where in the write-ahead log their begin frames stand.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "ledger/ledger.h"
#include "ledger/wal_format.h"

namespace beleg::ledger {

class OpenRequests {
 public:
  // A request of this boot that is about to be written. CHECK: its key is not open.
  void Begin(const RequestKey& key, const BeginFrame& begin);
  // Its end is about to be written; returns its request id. nullopt when it is not open, or its end was given before.
  std::optional<RequestId> End(const RequestKey& key);
  // Its begin stands in this segment now (again, when it was copied forward, or found there by recovery).
  void Written(const RequestKey& key, const BeginFrame& begin, uint64_t segment);
  // Its end is written, or its begin was refused.
  void Forget(const RequestKey& key);

  // Whether a request's begin is on disk.
  bool IsWritten(const RequestKey& key) const;
  // How many begins are on disk: room for their ends is reserved.
  size_t written_count() const;
  std::vector<std::pair<RequestKey, BeginFrame>> WrittenThrough(uint64_t segment) const;
  std::vector<std::pair<RequestKey, BeginFrame>> All() const;
  bool Contains(const RequestId& id) const;
  // Of one boot: begun by Begin, not yet ended by End.
  Ledger::OpenSet Summary(const BootId& boot) const;

 private:
  struct State {
    BeginFrame begin;
    uint64_t segment = 0;  // 0: not written yet
    bool is_ended = false;
  };
  mutable Mutex mutex_;
  std::map<RequestKey, State> requests_ GUARDED_BY(mutex_);
  std::map<BootId, uint64_t> highest_seq_ GUARDED_BY(mutex_);
  size_t written_count_ GUARDED_BY(mutex_) = 0;
};

}  // namespace beleg::ledger
