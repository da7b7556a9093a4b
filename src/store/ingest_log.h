// IngestLog: what was received, durable before it is acknowledged, replayed at the next start.
//
// Shape:   segments DIR/NNNNNNNN.log of frames; a frame is one received request, compressed. Docs: docs/formats/store.md.
// Order:   Append returns after fdatasync of the group the frame went with. One writer thread serves all callers.
// Errors:  kResourceExhausted (no room on disk, or the queue is full: nothing was written, heals by itself) · kUnavailable (closed) ·
//          Open: kDataLoss names segment and byte when a segment other than the last is damaged.
//          The process stops when a write or sync fails for another reason than room (ADR 0004).
// Threads: Append from any; Open and Close from one.
// Cost:    one fdatasync a group; groups grow by themselves while the disk is busy.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/metrics.h"
#include "io/file.h"
#include "store/disk_trust.h"
#include "store/ingest_segment.h"

namespace beleg::store {

struct IngestLogOptions {
  io::FileSystem* fs = nullptr;
  std::string dir{};
  std::chrono::microseconds group_window{500};
  size_t queue_count_max = 8192;
  size_t queue_bytes_max = 64 << 20;
  uint64_t segment_bytes = 64 << 20;
  uint64_t bytes_max = 0;  // of all segments: beyond, the oldest go, but never the newest; 0: all stay
  uint64_t free_bytes_min = 64 << 20;
  DiskFailure on_fatal{};
  MetricRegistry* metrics = nullptr;
};

class IngestLog {
 public:
  using Replay = std::function<Result<void>(const Frame& frame)>;
  // Replays every whole frame in order, drops a torn tail, and is then ready to append. An error of replay is passed on.
  static Result<std::unique_ptr<IngestLog>> Open(IngestLogOptions options, const Replay& replay);
  virtual ~IngestLog() = default;  // Close

  virtual Result<void> Append(const Frame& frame) = 0;
  // Ok, or why Append refuses now.
  virtual Result<void> Health() const = 0;
  // Ends the groups in flight and closes.
  virtual void Close() = 0;
};

}  // namespace beleg::store
