#include "store/recorded_manifest.h"

#include "base/log.h"
#include "io/durable.h"
#include "wire/json.h"

namespace beleg::store {
namespace {

constexpr size_t kFileBytesMax = 4 << 20;

}  // namespace

Result<std::unique_ptr<RecordedManifest>> RecordedManifest::Open(io::FileSystem& fs, std::string path,
                                                                 record::AuditLog& log) {
  std::unique_ptr<RecordedManifest> recorded(new RecordedManifest(fs, std::move(path), log));
  TRY(recorded->Load());
  TRY(recorded->CatchUp());
  return recorded;
}

Result<void> RecordedManifest::Load() {
  auto text = io::ReadFile(fs_, path_, kFileBytesMax);
  if (!text && text.error().code == ErrorCode::kNotFound) return {};
  if (!text) return std::unexpected<Error>(text.error());
  auto manifest = OriginManifest::Parse(*text);
  if (!manifest) return Fail(std::move(manifest.error()), "{}", path_);
  TRY_ASSIGN(const wire::Json json, wire::Json::Parse(*text));
  const wire::Json* log = json.Find("log");
  const wire::Json* leaves = json.Find("leaves");
  if (log == nullptr || !log->is_string() || log->as_string() != log_.origin()) return {};
  if (leaves == nullptr || !leaves->is_int() || leaves->as_int() < 0) return {};
  manifest_ = *std::move(manifest);
  leaves_ = static_cast<uint64_t>(leaves->as_int());
  return {};
}

Result<void> RecordedManifest::CatchUp() {
  const auto take = [this](uint64_t index, const record::AuditRecord& record) -> Result<void> {
    const auto* config = std::get_if<record::Config>(&record.body);
    if (config == nullptr || !IsManifestChange(*config)) return {};
    if (auto applied = manifest_.Apply(*config); !applied)
      LOG_WARN("store.manifest.unreadable_record", F("origin", log_.origin()), F("index", index),
               F("why", applied.error().message));
    return {};
  };
  TRY_ASSIGN(const uint64_t next, log_.Replay(leaves_, take));
  if (next >= leaves_) {
    leaves_ = next;
    return {};
  }
  LOG_WARN("store.manifest.log_is_shorter", F("origin", log_.origin()), F("leaves", next),
           F("expected", leaves_));
  manifest_ = {};
  leaves_ = 0;
  TRY_ASSIGN(leaves_, log_.Replay(0, take));
  return {};
}

Result<void> RecordedManifest::ChangeTo(const OriginManifest& manifest) {
  for (record::Config& change : ChangesOf(manifest_, manifest)) TRY(log_.Append(std::move(change)));
  return CatchUp();
}

Result<void> RecordedManifest::Keep() const {
  wire::Json json = JsonOf(manifest_);
  json.Set("log", log_.origin());
  json.Set("leaves", static_cast<int64_t>(leaves_));
  return io::WriteFileDurably(fs_, path_, json.Dump() + "\n");
}

}  // namespace beleg::store
