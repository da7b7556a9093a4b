// The write-ahead log: segments of a fixed, reserved size, written group by group.
//
// Shape:   one segment is current, some are spare (made ahead, so that what was promised fits even on a full disk), the sealed
//          ones wait until their leaves are in tiles.
// Errors:  kResourceExhausted: no room, nothing counts, a later try may work. Any other of Append: the state of the disk is
//          unknown, the process must stop.
// Threads: Append from one thread. The rest from any.
// Cost:    Append is one write and one fdatasync; now and then it takes the next segment, which is made already.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/rng.h"
#include "io/file.h"
#include "ledger/wal_format.h"

namespace beleg::ledger {

struct SealedSegment {
  uint64_t number = 0;
  uint64_t end_leaf = 0;  // its leaves are below this
};

struct WalOptions {
  io::FileSystem* fs = nullptr;
  std::string folder;
  Rng* rng = nullptr;
  uint64_t segment_bytes = 0;
  std::vector<SealedSegment> old_segments;  // of former processes, oldest first
  std::vector<SegmentHeader> untouched;     // the ones behind them that nothing was written to: used first
  uint64_t first_segment = 1;               // number of the next segment to make
  uint64_t first_group = 1;                 // number of the next group
};

class Wal {
 public:
  // Makes its first segment; never writes into one that is there.
  static Result<std::unique_ptr<Wal>> Start(WalOptions options);

  // Writes the group and syncs it; returns the number of the segment that has it. CHECK: size_bytes <= group_bytes_max.
  Result<uint64_t> Append(GroupBuilder group, uint64_t first_leaf);

  // The largest group that always fits into a segment.
  size_t group_bytes_max() const;
  // Bytes of groups that are sure to fit into what is reserved on disk.
  uint64_t room_bytes() const;
  size_t spare_count() const;
  uint64_t size_bytes() const;  // of all segments on disk
  // Makes a further segment. kAhead takes its time, so that Append is quick there; kNow is for who waits.
  enum class Making { kAhead, kNow };
  Result<void> AddSpare(Making making);

  // Oldest first.
  std::vector<SealedSegment> sealed() const;
  // Removes the oldest sealed segment (CHECK: there is one), durably, so that no older one can outlive a younger.
  Result<void> RemoveOldest();

 private:
  struct Segment {
    SegmentHeader header;
    std::unique_ptr<io::File> file;
  };

  explicit Wal(WalOptions options) : options_(std::move(options)), next_group_(options_.first_group) {}
  std::string PathOf(uint64_t number) const;
  Result<Segment> MakeSegment(uint64_t number, Making making);
  Result<Segment> MakeAnew(const SegmentHeader& header);
  Result<void> WriteHeader(io::File& file, const SegmentHeader& header);
  Result<void> TakeSpare(uint64_t first_leaf);
  uint64_t UsableBytes(uint64_t left) const;

  const WalOptions options_;
  uint64_t next_group_;
  Mutex making_;  // one AddSpare at a time, so that spares stand in the order of their numbers
  mutable Mutex mutex_;
  Segment current_;
  uint64_t current_offset_ GUARDED_BY(mutex_) = 0;
  std::deque<Segment> spares_ GUARDED_BY(mutex_);
  std::deque<SealedSegment> sealed_ GUARDED_BY(mutex_);
  uint64_t next_segment_ GUARDED_BY(mutex_) = 0;
};

// "00000017.wal"
std::string SegmentName(uint64_t number);
// nullopt when it is no such name.
std::optional<uint64_t> ParseSegmentName(std::string_view name);

}  // namespace beleg::ledger
