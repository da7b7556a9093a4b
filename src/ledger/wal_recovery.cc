#include "ledger/wal_recovery.h"

#include <algorithm>
#include <utility>

#include "io/durable.h"
#include "ledger/wal.h"

namespace beleg::ledger {
namespace {

constexpr size_t kSegmentBytesMax = size_t{1} << 30;

// Each byte is that before it, and the first is zero: as fast as memory, for segments are large and mostly zeros.
bool IsZero(std::string_view bytes) {
  return bytes.empty() || (bytes[0] == '\0' && bytes.substr(1) == bytes.substr(0, bytes.size() - 1));
}

// Follows the groups from segment to segment.
class WalReader {
 public:
  WalReader(WalContent& content, uint64_t from_leaf) : content_(content), from_leaf_(from_leaf) {}

  Result<void> ReadSegment(uint64_t number, std::string bytes) {
    TRY_ASSIGN(auto header, DecodeSegmentHeader(bytes));
    if (!header) {
      TRY(CheckUnused(bytes));
      content_.torn.push_back(number);
      return {};
    }
    if (header->number != number)
      return Fail(ErrorCode::kDataLoss, "its header says segment {}", header->number);
    TRY_ASSIGN(SegmentContent segment, ParseSegment(bytes, header->salt, expected_));
    for (const Group& group : segment.groups) TRY(Take(group));
    if (!segment.groups.empty())
      TakeSegment(number, std::move(bytes), segment.end);
    else if (IsZero(std::string_view(bytes).substr(kSegmentHeaderBytes)))
      content_.untouched.push_back(*header);
    else
      content_.torn.push_back(number);
    return {};
  }

 private:
  // A segment whose header never reached the disk has no group, since groups are written after the header is synced.
  static Result<void> CheckUnused(std::string_view bytes) {
    if (!IsZero(bytes.substr(std::min(bytes.size(), kSegmentHeaderBytes))))
      return Fail(ErrorCode::kDataLoss, "segment header at byte 0 is damaged");
    return {};
  }

  // What looked unused before it is not behind the last group, and waits to be retired like the rest.
  void TakeSegment(uint64_t number, std::string bytes, size_t end) {
    for (const SegmentHeader& header : std::exchange(content_.untouched, {}))
      content_.segments.push_back(header.number);
    for (uint64_t torn : std::exchange(content_.torn, {})) content_.segments.push_back(torn);
    std::ranges::sort(content_.segments);
    content_.segments.push_back(number);
    content_.last_segment = number;
    content_.tail = std::move(bytes);
    content_.tail.resize(end);
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
  std::vector<uint64_t> numbers;
  for (const std::string& name : names)
    if (auto number = ParseSegmentName(name)) numbers.push_back(*number);
  std::ranges::sort(numbers);
  WalReader reader(content, from_leaf);
  for (uint64_t number : numbers) {
    const std::string path = folder + "/" + SegmentName(number);
    TRY_ASSIGN(std::string bytes, io::ReadFile(fs, path, kSegmentBytesMax));
    if (auto read = reader.ReadSegment(number, std::move(bytes)); !read)
      return Fail(std::move(read.error()), "{}", path);
  }
  return content;
}

Result<void> RemoveTorn(io::FileSystem& fs, const std::string& folder, const WalContent& content) {
  for (uint64_t number : content.torn) TRY(fs.Remove(folder + "/" + SegmentName(number)));
  return content.torn.empty() ? Result<void>() : fs.SyncFolder(folder);
}

Result<void> RewriteTail(io::FileSystem& fs, const std::string& folder, const WalContent& content) {
  if (!content.has_groups) return {};
  return io::WriteFileDurably(fs, folder + "/" + SegmentName(content.last_segment), content.tail, 0600);
}

}  // namespace beleg::ledger
