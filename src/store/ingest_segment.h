// The bytes of one ingest segment: written frame by frame, read as far as they are whole.
//
// Source: docs/formats/store.md, "Ingest log".
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "io/file.h"

namespace beleg::store {

enum class FrameKind : uint8_t { kTraces = 1, kMetrics = 2 };

struct Frame {
  FrameKind kind = FrameKind::kTraces;
  int64_t received_us = 0;
  std::string payload;  // zstd of an OTLP export request
};

constexpr std::string_view kSegmentMagic = "beleg-ingest/1\n\n";
constexpr size_t kFrameBytesMax = 128 << 20;

// "00000007.log"
std::string SegmentName(uint64_t number);
// kInvalidArgument when the name is no segment's.
Result<uint64_t> SegmentNumber(std::string_view name);

// CHECK: within kFrameBytesMax.
std::string EncodeFrame(const Frame& frame);

struct SegmentScan {
  uint64_t end = 0;     // first byte after the last whole frame; 0 when not even the head is there
  bool whole = true;    // nothing but reserved zeros stands behind it
  std::string problem;  // what is wrong at `end` when it is not whole
};

// Gives every whole frame in order. Errors: of the disk, of on_frame, kUnimplemented when the head is of another format.
Result<SegmentScan> ScanSegment(io::File& file, const std::function<Result<void>(const Frame&)>& on_frame);

}  // namespace beleg::store
