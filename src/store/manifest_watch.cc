#include "store/manifest_watch.h"

#include "base/log.h"
#include "io/durable.h"

namespace beleg::store {
namespace {

constexpr size_t kManifestBytesMax = 4 << 20;

}  // namespace

Result<std::unique_ptr<ManifestWatch>> ManifestWatch::Open(ManifestWatchOptions options) {
  if (options.fs == nullptr) options.fs = &io::PosixFileSystem();
  std::unique_ptr<ManifestWatch> watch(new ManifestWatch(std::move(options)));
  TRY(watch->Start());
  return watch;
}

Result<void> ManifestWatch::Start() {
  MutexLock looking(look_mutex_);
  if (options_.log != nullptr) {
    TRY_ASSIGN(recorded_, RecordedManifest::Open(*options_.fs, options_.recorded_path, *options_.log));
    TRY(Keep());
  }
  // That a manifest is not named any more is a change too: nothing must be writing from now on.
  if (options_.path.empty()) return PutOnRecord({});
  TRY_ASSIGN(const OriginManifest manifest, ReadFile());
  TRY(TakeOver(manifest));
  Tell("");
  thread_ = Thread("manifest", [this](std::stop_token stop) { Run(stop); });
  return {};
}

Result<OriginManifest> ManifestWatch::ReadFile() const {
  TRY_ASSIGN(const std::string text, io::ReadFile(*options_.fs, options_.path, kManifestBytesMax));
  auto manifest = OriginManifest::Parse(text);
  if (!manifest) return Fail(std::move(manifest.error()), "{}", options_.path);
  return manifest;
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
  auto manifest = ReadFile();
  if (!manifest) {
    const std::string wrong = manifest.error().message;
    if (std::exchange(suspected_, wrong) == wrong) Tell(wrong);
    return;
  }
  suspected_.clear();
  const auto taken = TakeOver(*manifest);
  Tell(taken
           ? ""
           : fmt::format("{}: the change cannot be put on record: {}", options_.path, taken.error().message));
}

Result<void> ManifestWatch::TakeOver(const OriginManifest& manifest) {
  TRY(PutOnRecord(manifest));
  MutexLock lock(mutex_);
  if (manifest_ == manifest) return {};
  manifest_ = manifest;
  LOG_INFO("store.manifest.in_force", F("path", options_.path), F("origins", manifest.origins().size()));
  return {};
}

// The log may be ahead of what is in force, or may have taken what an error hid, so it is asked each time.
Result<void> ManifestWatch::PutOnRecord(const OriginManifest& manifest) {
  if (recorded_ == nullptr) return {};
  TRY(recorded_->CatchUp());
  if (recorded_->manifest() == manifest) return {};
  TRY(recorded_->ChangeTo(manifest));
  return Keep();
}

// A full disk is no reason to stay with the one of before: the log says all.
Result<void> ManifestWatch::Keep() {
  auto kept = disk_.Judge(recorded_->Keep());
  if (kept || !MayHeal(kept.error())) return kept;
  LOG_WARN("store.manifest.not_kept", F("path", options_.recorded_path), F("why", kept.error().message));
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
