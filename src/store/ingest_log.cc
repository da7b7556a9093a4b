#include "store/ingest_log.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/bounded_queue.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "io/durable.h"

namespace beleg::store {
namespace {

constexpr uint64_t kReserveBytes = uint64_t{1} << 20;
constexpr auto kIdleWait = std::chrono::milliseconds(100);

// The segment that is written: whole frames up to end(), reserved room behind them.
class OpenSegment {
 public:
  // Makes a segment that holds `content` (head and frames).
  static Result<OpenSegment> Create(io::FileSystem& fs, const std::string& path, std::string_view content) {
    TRY(io::WriteFileDurably(fs, path, content));
    TRY_ASSIGN(auto file, fs.Open(path, io::OpenMode::kReadWrite));
    return OpenSegment(std::move(file), content.size());
  }
  // Goes on behind the whole frames of one that is there; what stands behind them goes.
  static Result<OpenSegment> Resume(io::FileSystem& fs, const std::string& path, uint64_t end) {
    TRY_ASSIGN(auto file, fs.Open(path, io::OpenMode::kReadWrite));
    OpenSegment segment(std::move(file), end);
    TRY(segment.Finish());
    return segment;
  }

  uint64_t end() const { return end_; }

  // Durable on success. On kResourceExhausted the segment is as it was; any other error is fatal.
  Result<void> Append(std::string_view bytes) {
    auto written = Reserve(bytes.size());
    if (written) written = file_->WriteAt(end_, bytes);
    if (!written) {
      if (!MayHeal(written.error())) return written;
      // What was written in part must not look like a frame later.
      TRY(NeverHeals(file_->Truncate(end_)));
      reserved_ = end_;
      return written;
    }
    TRY(NeverHeals(file_->Sync()));
    end_ += bytes.size();
    return {};
  }

  // Gives the reserved room back. Every error is fatal.
  Result<void> Finish() {
    TRY(NeverHeals(file_->Truncate(end_)));
    return NeverHeals(file_->Sync());
  }

 private:
  OpenSegment(std::unique_ptr<io::File> file, uint64_t end)
      : file_(std::move(file)), end_(end), reserved_(end) {}

  Result<void> Reserve(uint64_t size) {
    if (end_ + size <= reserved_) return {};
    const uint64_t want = std::max(size, kReserveBytes);
    TRY(file_->Allocate(end_, want));
    reserved_ = end_ + want;
    return {};
  }

  // What cannot be taken back must not look like a full disk.
  static Result<void> NeverHeals(Result<void> done) {
    if (!done) return Fail(ErrorCode::kDataLoss, "{}", done.error().message);
    return done;
  }

  std::unique_ptr<io::File> file_;
  uint64_t end_;
  uint64_t reserved_;
};

// Numbers of the segments in the folder, ascending.
Result<std::vector<uint64_t>> ListSegments(io::FileSystem& fs, const std::string& dir) {
  TRY_ASSIGN(auto names, fs.List(dir));
  std::vector<uint64_t> numbers;
  for (const std::string& name : names) {
    if (auto number = SegmentNumber(name)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

// Removes the oldest segments until the others are within bytes_max.
Result<void> DropOldest(const IngestLogOptions& options) {
  if (options.bytes_max == 0) return {};
  TRY_ASSIGN(std::vector<uint64_t> numbers, ListSegments(*options.fs, options.dir));
  uint64_t kept_bytes = 0;
  for (size_t i = numbers.size(); i-- > 0;) {
    const std::string path = options.dir + "/" + SegmentName(numbers[i]);
    TRY_ASSIGN(auto file, options.fs->Open(path, io::OpenMode::kRead));
    TRY_ASSIGN(uint64_t size, file->Size());
    kept_bytes += size;
    if (kept_bytes <= options.bytes_max || i + 1 == numbers.size()) continue;
    TRY(options.fs->Remove(path));
    LOG_INFO("store.log.dropped", F("file", path), F("bytes", size));
  }
  return {};
}

class IngestLogImpl final : public IngestLog {
 public:
  IngestLogImpl(IngestLogOptions options, uint64_t number, OpenSegment segment)
      : options_(std::move(options)),
        disk_(options_.on_fatal),
        queue_({options_.queue_count_max, options_.queue_bytes_max}),
        number_(number),
        segment_(std::move(segment)),
        groups_(options_.metrics == nullptr
                    ? nullptr
                    : &options_.metrics->AddCounter("beleg_store_ingest_groups_total",
                                                    "Groups of frames synced to disk.")),
        bytes_(options_.metrics == nullptr
                   ? nullptr
                   : &options_.metrics->AddCounter("beleg_store_ingest_log_bytes_total",
                                                   "Bytes written to the ingest log.")),
        writer_("ingest-log", [this](std::stop_token) { Write(); }) {}

  ~IngestLogImpl() override { Close(); }

  Result<void> Append(const Frame& frame) override {
    Job job{EncodeFrame(frame), std::nullopt};
    Job* pointer = &job;
    if (!queue_.TryPush(std::move(pointer), job.bytes.size())) {
      if (queue_.closed()) return Fail(ErrorCode::kUnavailable, "the store is closed");
      return Fail(ErrorCode::kResourceExhausted, "the ingest queue is full");
    }
    MutexLock lock(mutex_);
    while (!job.result) done_.Wait(mutex_);
    return *std::move(job.result);
  }

  Result<void> Health() const override {
    if (queue_.closed()) return Fail(ErrorCode::kUnavailable, "the store is closed");
    TRY(disk_.Check());
    return HasRoom();
  }

  void Close() override {
    queue_.Close();
    if (writer_.joinable()) writer_.Join();
  }

 private:
  struct Job {
    std::string bytes;
    std::optional<Result<void>> result;  // under mutex_
  };

  void Write() {
    size_t last_group = 0;
    for (;;) {
      std::vector<Job*> group = queue_.PopAll(kIdleWait);
      if (group.empty() && queue_.closed()) break;
      if (group.empty()) continue;
      // One caller alone is not made to wait; where there were several, company is likely.
      if (group.size() == 1 && last_group > 1) {
        std::vector<Job*> more = queue_.PopAll(options_.group_window);
        group.insert(group.end(), more.begin(), more.end());
      }
      last_group = group.size();
      Result<void> done = disk_.Check();
      if (done) done = disk_.Judge(WriteGroup(group));
      Finish(group, done);
      if (disk_.Check() && segment_.end() >= options_.segment_bytes) Roll();
    }
    if (disk_.Check()) std::ignore = disk_.Judge(segment_.Finish());
  }

  Result<void> WriteGroup(const std::vector<Job*>& group) {
    TRY(HasRoom());
    std::string bytes;
    for (const Job* job : group) bytes += job->bytes;
    TRY(segment_.Append(bytes));
    if (groups_ != nullptr) groups_->Add();
    if (bytes_ != nullptr) bytes_->Add(static_cast<double>(bytes.size()));
    return {};
  }

  void Finish(const std::vector<Job*>& group, const Result<void>& result) {
    MutexLock lock(mutex_);
    for (Job* job : group) job->result = result;
    done_.NotifyAll();
  }

  Result<void> HasRoom() const {
    TRY_ASSIGN(uint64_t free, options_.fs->FreeBytes(options_.dir));
    if (free >= options_.free_bytes_min) return {};
    return Fail(ErrorCode::kResourceExhausted, "{}: {} bytes free, want {}", options_.dir, free,
                options_.free_bytes_min);
  }

  // A full disk here leaves the old segment in use; the next group tries again.
  void Roll() {
    auto next =
        OpenSegment::Create(*options_.fs, options_.dir + "/" + SegmentName(number_ + 1), kSegmentMagic);
    const Result<void> created = next ? Result<void>() : std::unexpected<Error>(next.error());
    if (!disk_.Judge(created) || !disk_.Judge(segment_.Finish())) return;
    segment_ = std::move(*next);
    ++number_;
    if (auto dropped = DropOldest(options_); !dropped)
      LOG_WARN("store.log.old_segments_stay", F("error", dropped.error().message));
  }

  const IngestLogOptions options_;
  DiskTrust disk_;
  Mutex mutex_;
  CondVar done_;
  BoundedQueue<Job*> queue_;
  uint64_t number_;  // these two belong to the writer
  OpenSegment segment_;
  Counter* const groups_;
  Counter* const bytes_;
  Thread writer_;  // last: it uses all of the above
};

// The last segment is copied to a new file before it is read: after a failed sync the page cache may show bytes that the disk does
// not have, and others when it is asked again.
Result<void> WriteAnew(io::FileSystem& fs, const std::string& path) {
  TRY_ASSIGN(std::string content, io::ReadFile(fs, path));
  return io::WriteFileDurably(fs, path, content);
}

Result<OpenSegment> OpenLast(io::FileSystem& fs, const std::string& path, const SegmentScan& scan) {
  if (!scan.whole)
    LOG_WARN("store.ingest.torn_tail", F("file", path), F("byte", scan.end), F("problem", scan.problem));
  if (scan.end == 0) return OpenSegment::Create(fs, path, kSegmentMagic);
  return OpenSegment::Resume(fs, path, scan.end);
}

}  // namespace

Result<std::unique_ptr<IngestLog>> IngestLog::Open(IngestLogOptions options, const Replay& replay) {
  CHECK(options.fs != nullptr, "no file system");
  io::FileSystem& fs = *options.fs;
  TRY(io::MakeFoldersDurably(fs, options.dir, 0700));
  TRY(DropOldest(options));
  TRY_ASSIGN(std::vector<uint64_t> numbers, ListSegments(fs, options.dir));
  SegmentScan last;
  for (uint64_t number : numbers) {
    const std::string path = options.dir + "/" + SegmentName(number);
    if (number == numbers.back()) TRY(WriteAnew(fs, path));
    TRY_ASSIGN(auto file, fs.Open(path, io::OpenMode::kRead));
    TRY_ASSIGN(last, ScanSegment(*file, replay));
    if (number != numbers.back() && !last.whole) {
      return Fail(ErrorCode::kDataLoss, "{}: byte {}: {}", path, last.end, last.problem);
    }
  }
  const uint64_t number = numbers.empty() ? 1 : numbers.back();
  const std::string path = options.dir + "/" + SegmentName(number);
  if (numbers.empty()) {
    TRY_ASSIGN(OpenSegment segment, OpenSegment::Create(fs, path, kSegmentMagic));
    return std::make_unique<IngestLogImpl>(std::move(options), number, std::move(segment));
  }
  TRY_ASSIGN(OpenSegment segment, OpenLast(fs, path, last));
  return std::make_unique<IngestLogImpl>(std::move(options), number, std::move(segment));
}

}  // namespace beleg::store
