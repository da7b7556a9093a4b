#include "serve/cosigned_checkpoints.h"

#include "base/log.h"
#include "io/durable.h"

namespace beleg::serve {
namespace {

constexpr size_t kSizesMax = 16;
constexpr size_t kNoteBytesMax = 64 << 10;
constexpr int64_t kSaveEveryUs = 10'000'000;

}  // namespace

std::string CosignedCheckpoints::Entry::Whole() const {
  std::string out = note;
  for (const auto& [cosigner, line] : lines) out += line;
  return out;
}

CosignedCheckpoints::CosignedCheckpoints(Options options)
    : options_(std::move(options)), archive_(*options_.fs, options_.dir + "/archive") {}

Result<std::unique_ptr<CosignedCheckpoints>> CosignedCheckpoints::Open(Options options) {
  static const SystemClock system_clock;
  if (options.fs == nullptr) options.fs = &io::PosixFileSystem();
  if (options.clock == nullptr) options.clock = &system_clock;
  std::unique_ptr<CosignedCheckpoints> out(new CosignedCheckpoints(std::move(options)));
  TRY(out->Restore());
  return out;
}

CosignedCheckpoints::~CosignedCheckpoints() { Save(true); }

Result<void> CosignedCheckpoints::Restore() {
  TRY(io::MakeFoldersDurably(*options_.fs, options_.dir));
  const std::string path = options_.dir + "/checkpoint";
  TRY_ASSIGN(bool there, options_.fs->Exists(path));
  if (!there) return {};
  TRY_ASSIGN(std::string note, io::ReadFile(*options_.fs, path, kNoteBytesMax));
  auto parsed = verify::ParseNote(note);
  if (!parsed) return Fail(parsed.error(), "{}", path);
  auto checkpoint = verify::ParseCheckpoint(parsed->text);
  if (!checkpoint) return Fail(checkpoint.error(), "{}", path);
  MutexLock saving(save_mutex_);
  MutexLock lock(mutex_);
  newest_size_ = checkpoint->size;
  newest_ = saved_ = std::move(note);
  return {};
}

void CosignedCheckpoints::Add(const std::string& note, uint64_t size, const verify::VerifierKey& cosigner,
                              const std::string& line) {
  {
    MutexLock lock(mutex_);
    Entry& entry = entries_[size];
    entry.note = note;
    entry.lines[fmt::format("{}+{:08x}", cosigner.name, cosigner.id)] = line;
    if (size >= newest_size_ && entry.lines.size() >= options_.quorum) {
      newest_size_ = size;
      newest_ = entry.Whole();
    }
    while (entries_.size() > kSizesMax) entries_.erase(entries_.begin());
  }
  Save(false);
}

std::string CosignedCheckpoints::Decorate(const std::string& note) const {
  MutexLock lock(mutex_);
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry)
    if (entry->second.note == note) return entry->second.Whole();
  return note;
}

std::string CosignedCheckpoints::Newest() const {
  MutexLock lock(mutex_);
  return newest_;
}

void CosignedCheckpoints::Save(bool now) {
  MutexLock saving(save_mutex_);
  const int64_t mono_us = options_.clock->MonoMicros();
  if (!now && saved_mono_us_ != 0 && mono_us - saved_mono_us_ < kSaveEveryUs) return;
  std::string note = Newest();
  if (note == saved_) return;
  saved_mono_us_ = mono_us;
  const auto write = [&]() -> Result<void> {
    TRY(io::WriteFileDurably(*options_.fs, options_.dir + "/checkpoint", note));
    return archive_.Keep(note, options_.clock->UnixMicros() / 1'000'000);
  };
  if (auto written = write(); !written)
    LOG_ERROR("serve.cosigned_checkpoint", F("why", written.error().message));
  else
    saved_ = std::move(note);
}

}  // namespace beleg::serve
