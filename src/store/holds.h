// Holds: records that no prune may take, by order of whoever keeps the copies; each act is on record in the audit host's own log.
//
// Shape:   a hold has a name and is of a time, of leaves, or of one request; of one log, or a time of all logs.
// Order:   in force before it is on record, and until its release is: a crash in between errs on the side of keeping.
// Errors:  kInvalidArgument names the member · kAlreadyExists, kNotFound (the name; a request or log that is not here) ·
//          kResourceExhausted (kHoldsMax, disk) · kUnavailable: the disk failed, so the process should be ending · those of the log.
// Threads: any. Cost: Set, Release: two durable writes and a record.
// Source:  docs/formats/store.md, "Holds".
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "io/file.h"
#include "record/audit_sink.h"
#include "store/disk_trust.h"
#include "store/store.h"
#include "wire/json.h"

namespace beleg::store {

constexpr size_t kHoldsMax = 1'000;

struct PlacedHold {
  record::Hold hold;  // action is "set"
  int64_t set_us = 0;
  std::optional<uint64_t>
      record_index;  // of its record in the audit host's log; nullopt: a crash came before that
};
// {"name", "origin", "from_us", "to_us", "first_index", "end_index", "request_id", "items", "set_us", "record_index"}; what does not
// apply is left out. DATA/holds.json is a list of these.
wire::Json JsonOf(const PlacedHold& placed);
// The members that an order may have: from name to request_id. kInvalidArgument names the one that is wrong.
Result<record::Hold> ReadHold(const wire::Json& json);

// Where a hold lies in one log: [first, end); nullopt: no end, what comes may be of it.
struct HeldLeaves {
  std::string name;
  uint64_t first = 0;
  std::optional<uint64_t> end;
};

class Holds {
 public:
  struct Options {
    std::string path;                  // DATA/holds.json
    record::AuditSink* log = nullptr;  // not null
    const Clock* clock = nullptr;      // null: the host's
    io::FileSystem* fs = nullptr;
    DiskFailure on_fatal{};
  };
  // Puts on record what a crash kept from it. kDataLoss: the file is damaged. The store outlives it.
  static Result<std::unique_ptr<Holds>> Open(Options options, Store& store);
  // For a store that keeps none: kFailedPrecondition when some are set in this file, since nobody would be told of them then.
  static Result<void> CheckNoneSet(io::FileSystem& fs, const std::string& path);

  // `action` and `items` are filled in here, for a request `origin` and leaf too.
  Result<PlacedHold> Set(record::Hold hold);
  // The released one; record_index is that of its release.
  Result<PlacedHold> Release(const std::string& name);
  std::vector<PlacedHold> List() const;  // by name
  // Of each hold that has leaves of this log, or may come to have.
  Result<std::vector<HeldLeaves>> HeldIn(const std::string& origin) const;

 private:
  Holds(Options options, Store& store)
      : options_(std::move(options)), store_(store), disk_(options_.on_fatal) {}
  Result<void> Load();
  Result<void> Resolve(record::Hold& hold) const;
  Result<int64_t> Count(const record::Hold& hold) const;
  Result<std::optional<HeldLeaves>> Place(const record::Hold& hold, const std::string& origin) const;
  Result<void> Record(PlacedHold& placed) REQUIRES(mutex_);
  Result<void> Save() REQUIRES(mutex_);
  const Clock& clock() const { return options_.clock != nullptr ? *options_.clock : system_clock_; }

  const Options options_;
  const SystemClock system_clock_;
  Store& store_;
  DiskTrust disk_;  // without it the file is not written any more, nor answered from
  mutable Mutex mutex_;
  std::map<std::string, PlacedHold> holds_ GUARDED_BY(mutex_);  // by name
};

}  // namespace beleg::store
