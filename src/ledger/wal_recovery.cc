#include "ledger/wal_recovery.h"

#include <algorithm>

#include "io/durable.h"
#include "ledger/wal.h"

namespace beleg::ledger {
namespace {

constexpr size_t kSegmentBytesMax = size_t{1} << 30;

// Follows the groups from segment to segment.
class WalReader {
 public:
  WalReader(WalContent& content, uint64_t from_leaf) : content_(content), from_leaf_(from_leaf) {}

  Result<void> ReadSegment(uint64_t number, std::string_view bytes) {
    TRY_ASSIGN(auto header, DecodeSegmentHeader(bytes));
    if (!header) return CheckUnused(bytes);
    if (header->number != number)
      return Fail(ErrorCode::kDataLoss, "its header says segment {}", header->number);
    TRY_ASSIGN(SegmentContent segment, ParseSegment(bytes, header->salt, expected_));
    for (const Group& group : segment.groups) TRY(Take(group));
    if (!segment.groups.empty()) {
      content_.last_segment = number;
      content_.last_segment_end = segment.end;
    }
    return {};
  }

 private:
  // A segment whose header never reached the disk has no group, since groups are written after the header is synced.
  static Result<void> CheckUnused(std::string_view bytes) {
    const size_t used = bytes.find_first_not_of('\0', std::min(bytes.size(), kSegmentHeaderBytes));
    if (used != bytes.npos) return Fail(ErrorCode::kDataLoss, "segment header at byte 0 is damaged");
    return {};
  }

  Result<void> Take(const Group& group) {
    if (content_.has_groups && group.first_leaf != content_.end_leaf)
      return Fail(ErrorCode::kDataLoss, "group {} begins with leaf {}, the one before it ended at {}",
                  group.number, group.first_leaf, content_.end_leaf);
    uint64_t index = group.first_leaf;
    for (const Frame& frame : group.frames) {
      if (frame.type == FrameType::kBegin) content_.open[frame.key] = frame.begin;
      if (frame.type == FrameType::kEnd) content_.open.erase(frame.key);
      if (frame.type != FrameType::kBegin) KeepLeaf(index++, frame.leaf);
    }
    content_.has_groups = true;
    content_.end_leaf = index;
    expected_ = content_.next_group = group.number + 1;
    return {};
  }

  void KeepLeaf(uint64_t index, std::string_view leaf) {
    if (index < from_leaf_) return;
    if (content_.leaves.empty()) content_.first_leaf = index;
    content_.leaves.emplace_back(leaf);
  }

  WalContent& content_;
  const uint64_t from_leaf_;
  std::optional<uint64_t> expected_;
};

}  // namespace

Result<WalContent> ReadWal(io::FileSystem& fs, const std::string& folder, uint64_t from_leaf) {
  WalContent content;
  TRY_ASSIGN(auto names, fs.List(folder));
  for (const std::string& name : names)
    if (auto number = ParseSegmentName(name)) content.segments.push_back(*number);
  std::ranges::sort(content.segments);
  WalReader reader(content, from_leaf);
  for (uint64_t number : content.segments) {
    const std::string path = folder + "/" + SegmentName(number);
    TRY_ASSIGN(std::string bytes, io::ReadFile(fs, path, kSegmentBytesMax));
    if (auto read = reader.ReadSegment(number, bytes); !read)
      return Fail(std::move(read.error()), "{}", path);
  }
  return content;
}

Result<void> RewriteTail(io::FileSystem& fs, const std::string& folder, const WalContent& content) {
  if (!content.has_groups) return {};
  const std::string path = folder + "/" + SegmentName(content.last_segment);
  TRY_ASSIGN(std::string bytes, io::ReadFile(fs, path, kSegmentBytesMax));
  return io::WriteFileDurably(fs, path, std::string_view(bytes).substr(0, content.last_segment_end), 0600);
}

}  // namespace beleg::ledger
