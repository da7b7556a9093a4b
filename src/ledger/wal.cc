#include "ledger/wal.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "io/durable.h"

namespace beleg::ledger {
namespace {

constexpr size_t kGroupBytesMax = 1 << 20;
constexpr std::string_view kSuffix = ".wal";

}  // namespace

std::string SegmentName(uint64_t number) { return fmt::format("{:08}{}", number, kSuffix); }

std::optional<uint64_t> ParseSegmentName(std::string_view name) {
  if (!name.ends_with(kSuffix)) return std::nullopt;
  auto number = ParseUint64(name.substr(0, name.size() - kSuffix.size()));
  if (!number || SegmentName(*number) != name) return std::nullopt;
  return *number;
}

Result<std::unique_ptr<Wal>> Wal::Start(WalOptions options) {
  std::unique_ptr<Wal> wal(new Wal(std::move(options)));
  MutexLock lock(wal->mutex_);
  wal->sealed_.assign(wal->options_.old_segments.begin(), wal->options_.old_segments.end());
  wal->next_segment_ = wal->options_.first_segment;
  for (const SegmentHeader& header : wal->options_.untouched) {
    TRY_ASSIGN(Segment segment, wal->MakeAnew(header));
    wal->spares_.push_back(std::move(segment));
  }
  if (wal->spares_.empty()) {
    TRY_ASSIGN(Segment segment, wal->MakeSegment(wal->next_segment_++, Making::kNow));
    wal->spares_.push_back(std::move(segment));
  }
  wal->current_ = std::move(wal->spares_.front());
  wal->spares_.pop_front();
  wal->current_offset_ = kSegmentHeaderBytes;
  return wal;
}

Result<uint64_t> Wal::Append(GroupBuilder group, uint64_t first_leaf) {
  const size_t size = group.size_bytes();
  CHECK(size <= group_bytes_max(), "a group fits into every segment");
  uint64_t offset;
  {
    MutexLock lock(mutex_);
    offset = current_offset_;
  }
  if (offset + size > options_.segment_bytes) {
    TRY(TakeSpare(first_leaf));
    offset = kSegmentHeaderBytes;
  }
  // A write that fails half-way leaves bytes that the next group overwrites: they have no group's header but the one at offset.
  TRY(current_.file->WriteAt(offset, group.Finish(current_.header.salt, next_group_, first_leaf)));
  TRY(current_.file->Sync());
  ++next_group_;
  MutexLock lock(mutex_);
  current_offset_ = offset + size;
  return current_.header.number;
}

// Goes on in the next segment, which is made here only when nobody made it ahead.
Result<void> Wal::TakeSpare(uint64_t first_leaf) {
  if (spare_count() == 0) TRY(AddSpare(Making::kNow));
  MutexLock lock(mutex_);
  sealed_.push_back({current_.header.number, first_leaf});
  current_ = std::move(spares_.front());
  spares_.pop_front();
  current_offset_ = kSegmentHeaderBytes;
  return {};
}

Result<void> Wal::AddSpare(Making making) {
  const size_t known = spare_count();
  MutexLock one_at_a_time(making_);
  if (making == Making::kNow && spare_count() > known) return {};  // the one that was waited for is enough
  uint64_t number;
  {
    MutexLock lock(mutex_);
    number = next_segment_++;
  }
  TRY_ASSIGN(Segment segment, MakeSegment(number, making));
  MutexLock lock(mutex_);
  spares_.push_back(std::move(segment));
  return {};
}

Result<Wal::Segment> Wal::MakeSegment(uint64_t number, Making making) {
  Segment segment;
  segment.header = {
      number,
      GetLittle32(reinterpret_cast<const char*>(options_.rng->Draw<std::array<uint8_t, 4>>().data()))};
  const std::string path = PathOf(number);
  TRY_ASSIGN(segment.file, options_.fs->Open(path, io::OpenMode::kCreate, 0600));
  auto filled = making == Making::kAhead ? io::AllocateZeros(*segment.file, 0, options_.segment_bytes)
                                         : segment.file->Allocate(0, options_.segment_bytes);
  if (filled) filled = WriteHeader(*segment.file, segment.header);
  if (!filled) {
    segment.file.reset();
    std::ignore = options_.fs->Remove(path);  // recovery removes an empty segment as well
    return std::unexpected<Error>(std::move(filled).error());
  }
  return segment;
}

// A former process made it. What it wrote may be in the page cache alone, so it is written again; blocks that it has stay its own.
Result<Wal::Segment> Wal::MakeAnew(const SegmentHeader& header) {
  TRY_ASSIGN(auto file, options_.fs->Open(PathOf(header.number), io::OpenMode::kReadWrite, 0600));
  TRY(file->Allocate(0, options_.segment_bytes));
  TRY(WriteHeader(*file, header));
  return Segment{header, std::move(file)};
}

Result<void> Wal::WriteHeader(io::File& file, const SegmentHeader& header) {
  TRY(file.WriteAt(0, EncodeSegmentHeader(header)));
  TRY(file.Sync());
  return options_.fs->SyncFolder(options_.folder);
}

size_t Wal::group_bytes_max() const { return std::min<uint64_t>(kGroupBytesMax, options_.segment_bytes / 4); }

// The end of a segment may be left empty when the next group does not fit: that much does not count.
uint64_t Wal::UsableBytes(uint64_t left) const { return left - std::min<uint64_t>(left, group_bytes_max()); }

uint64_t Wal::room_bytes() const {
  MutexLock lock(mutex_);
  return UsableBytes(options_.segment_bytes - current_offset_) +
         spares_.size() * UsableBytes(options_.segment_bytes - kSegmentHeaderBytes);
}

size_t Wal::spare_count() const {
  MutexLock lock(mutex_);
  return spares_.size();
}

uint64_t Wal::size_bytes() const {
  MutexLock lock(mutex_);
  return (1 + spares_.size() + sealed_.size()) * options_.segment_bytes;
}

std::vector<SealedSegment> Wal::sealed() const {
  MutexLock lock(mutex_);
  return {sealed_.begin(), sealed_.end()};
}

Result<void> Wal::RemoveOldest() {
  uint64_t number;
  {
    MutexLock lock(mutex_);
    CHECK(!sealed_.empty(), "there is a sealed segment");
    number = sealed_.front().number;
  }
  auto removed = options_.fs->Remove(PathOf(number));
  // It may be gone already when the folder's sync failed for want of room before.
  if (!removed && removed.error().code != ErrorCode::kNotFound) return removed;
  TRY(options_.fs->SyncFolder(options_.folder));
  MutexLock lock(mutex_);
  sealed_.pop_front();
  return {};
}

std::string Wal::PathOf(uint64_t number) const { return options_.folder + "/" + SegmentName(number); }

}  // namespace beleg::ledger
