#include "store/manifest_watch.h"

#include "base/log.h"
#include "io/durable.h"

namespace beleg::store {
namespace {

constexpr size_t kManifestBytesMax = 4 << 20;
constexpr std::string_view kNone = "{\"origins\": []}\n";

}  // namespace

Result<std::unique_ptr<ManifestWatch>> ManifestWatch::Open(ManifestWatchOptions options) {
  if (options.fs == nullptr) options.fs = &io::PosixFileSystem();
  std::unique_ptr<ManifestWatch> watch(new ManifestWatch(std::move(options)));
  TRY(watch->Start());
  return watch;
}

Result<void> ManifestWatch::Start() {
  MutexLock looking(look_mutex_);
  TRY_ASSIGN(bool was_recorded, options_.fs->Exists(options_.recorded_path));
  if (was_recorded && options_.log != nullptr) {
    TRY_ASSIGN(File recorded, Read(options_.recorded_path));
    recorded_ = std::move(recorded.manifest);
  }
  // A manifest that is not named any more is on record too: nothing must be writing from now on.
  if (options_.path.empty()) return was_recorded ? TakeOver({std::string(kNone), {}}) : Result<void>();
  TRY_ASSIGN(const File file, Read(options_.path));
  TRY(TakeOver(file));
  Tell("");
  thread_ = Thread("manifest", [this](std::stop_token stop) { Run(stop); });
  return {};
}

Result<ManifestWatch::File> ManifestWatch::Read(const std::string& path) const {
  File out;
  TRY_ASSIGN(out.text, io::ReadFile(*options_.fs, path, kManifestBytesMax));
  auto manifest = OriginManifest::Parse(out.text);
  if (!manifest) return Fail(std::move(manifest.error()), "{}", path);
  out.manifest = *std::move(manifest);
  return out;
}

void ManifestWatch::Run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    {
      MutexLock lock(mutex_);
      if (!stop.stop_requested()) stop_.WaitFor(mutex_, options_.interval);
    }
    if (!stop.stop_requested()) Look();
  }
}

void ManifestWatch::Look() {
  MutexLock looking(look_mutex_);
  if (!disk_.Check()) return;
  auto file = Read(options_.path);
  if (!file) {
    const std::string wrong = file.error().message;
    if (std::exchange(suspected_, wrong) == wrong) Tell(wrong);
    return;
  }
  suspected_.clear();
  Result<void> taken;
  // The log may be ahead of what is in force.
  if (file->text != text_ || !ChangesOf(recorded_, file->manifest).empty()) taken = TakeOver(*file);
  Tell(taken
           ? ""
           : fmt::format("{}: the change cannot be put on record: {}", options_.path, taken.error().message));
}

// A copy whose sync failed may be there or not, so nothing is put on record any more (ADR 0004).
Result<void> ManifestWatch::Keep(const File& file) {
  return disk_.Judge(io::WriteFileDurably(*options_.fs, options_.recorded_path, file.text));
}

Result<void> ManifestWatch::TakeOver(const File& file) {
  const auto changes = ChangesOf(recorded_, file.manifest);
  for (const record::Config& change : changes) {
    if (options_.log != nullptr) TRY(options_.log->Append(change));
    // From here on the log says so, whatever comes after: it is not said again at the next look.
    recorded_.Take(OriginOf(change), file.manifest);
  }
  if (options_.log != nullptr) TRY(Keep(file));
  text_ = file.text;
  LOG_INFO("store.manifest.in_force", F("path", options_.path), F("origins", file.manifest.origins().size()),
           F("changes", changes.size()));
  MutexLock lock(mutex_);
  if (!options_.path.empty()) manifest_ = file.manifest;
  return {};
}

void ManifestWatch::Tell(const std::string& problem) {
  if (options_.metrics != nullptr)
    options_.metrics
        ->AddGauge("beleg_manifest_ok", "1 while the origin manifest's file is the one in force, else 0.", {})
        .Set(problem.empty() ? 1 : 0);
  MutexLock lock(mutex_);
  if (std::exchange(problem_, problem) == problem) return;
  if (problem.empty())
    LOG_INFO("store.manifest.well", F("path", options_.path));
  else
    LOG_ERROR("store.manifest.older_one_in_force", F("path", options_.path), F("why", problem));
}

std::vector<LedgerFinding> ManifestWatch::Findings(const std::vector<MirrorState>& mirrors,
                                                   int64_t now_unix_us) const {
  MutexLock lock(mutex_);
  std::vector<LedgerFinding> out = FindingsOf(manifest_ ? &*manifest_ : nullptr, mirrors, now_unix_us);
  if (!problem_.empty())
    out.push_back({LedgerFinding::Kind::kManifest, "", problem_ + "; the manifest of before is in force"});
  return out;
}

void ManifestWatch::Stop() {
  if (!thread_.joinable()) return;
  thread_.RequestStop();
  {
    MutexLock lock(mutex_);
    stop_.NotifyAll();
  }
  thread_.Join();
}

}  // namespace beleg::store
