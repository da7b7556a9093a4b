// The bytes of the write-ahead log: segments of groups of frames (docs/formats/ledger.md, "Write-ahead log").
//
// A group is what one commit writes and syncs: it counts whole or not at all. Its number proves order: group n + 1 is written
// only when group n is known to be on disk, so a damaged group with a later one behind it is damage, not a torn tail.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "ledger/ledger.h"

namespace beleg::ledger {

constexpr size_t kSegmentHeaderBytes = 32;
constexpr size_t kGroupHeaderBytes = 40;
constexpr size_t kGroupAlignment = 8;
constexpr size_t kFrameHeaderBytes = 5;   // type, length
constexpr size_t kRequestKeyBytes = 16;   // boot, seq
constexpr size_t kCallerBytesMax = 1024;  // of a begin frame

struct SegmentHeader {
  uint64_t number = 0;
  uint32_t salt = 0;  // random: bytes of another segment can never pass for a group of this one
};
std::string EncodeSegmentHeader(const SegmentHeader& header);
// nullopt when the bytes are no header that was written whole. kUnimplemented for a newer version.
Result<std::optional<SegmentHeader>> DecodeSegmentHeader(std::string_view bytes);

// Which begun request: seq counts within a boot.
struct RequestKey {
  BootId boot;
  uint64_t seq = 0;
  auto operator<=>(const RequestKey&) const = default;
};

enum class FrameType : uint8_t {
  kBegin = 1,  // a request begins
  kLeaf = 2,   // a leaf of no begun request
  kEnd = 3,    // the leaf that ends a begun request
};

// A frame as it was read. leaf points into the bytes that were parsed.
struct Frame {
  FrameType type = FrameType::kLeaf;
  RequestKey key;         // kBegin, kEnd
  BeginFrame begin;       // kBegin
  std::string_view leaf;  // kLeaf, kEnd
};

// Collects the frames of one group.
class GroupBuilder {
 public:
  GroupBuilder() : bytes_(kGroupHeaderBytes, '\0') {}
  void AddBegin(const BootId& boot, const BeginFrame& begin);
  void AddLeaf(std::string_view leaf);
  void AddEnd(const RequestKey& key, std::string_view leaf);

  size_t frame_count() const { return frame_count_; }
  uint64_t leaf_count() const { return leaf_count_; }
  // With header and padding.
  size_t size_bytes() const;
  // The group's bytes. first_leaf: index of the first leaf in it, or of the next one when it has none.
  std::string Finish(uint32_t salt, uint64_t number, uint64_t first_leaf);

 private:
  void StartFrame(FrameType type, size_t payload_bytes);
  std::string bytes_;
  size_t frame_count_ = 0;
  uint64_t leaf_count_ = 0;
};

struct Group {
  uint64_t number = 0;
  uint64_t first_leaf = 0;
  uint64_t leaf_count = 0;
  std::vector<Frame> frames;
};

struct SegmentContent {
  std::vector<Group> groups;  // leaves point into the segment's bytes
  size_t end = 0;             // where the last whole group ends
};

// The groups of a segment, as far as they are whole. expected: the number of the first group; nullopt: any.
// kDataLoss names the byte when a group is damaged that was on disk for certain, since a later one follows it.
Result<SegmentContent> ParseSegment(std::string_view segment, uint32_t salt,
                                    std::optional<uint64_t> expected);

}  // namespace beleg::ledger
