#include "bundle/compressor.h"

#include "base/log.h"
#include "bundle/entry_bundle.h"
#include "bundle/stored.h"
#include "io/durable.h"
#include "record/audit_record.h"
#include "wire/compress.h"
#include "wire/sha256.h"

namespace beleg::bundle {
namespace {

constexpr int64_t kDayMicros = 86'400'000'000;
constexpr size_t kHashBytes = 32;
constexpr int kLevel = 1;              // higher ones save nothing (ADR 0010)
constexpr uint64_t kLeftToldMax = 10;  // a sweep's lines in the log; the rest are counted

Result<void> CheckEntries(const std::vector<std::string>& entries, std::string_view tile) {
  if (entries.size() != kBundleLeaves)
    return Fail(ErrorCode::kDataLoss, "{} entries, want {}", entries.size(), kBundleLeaves);
  if (tile.size() != kBundleLeaves * kHashBytes)
    return Fail(ErrorCode::kDataLoss, "its tile has {} bytes", tile.size());
  for (size_t i = 0; i < entries.size(); ++i)
    if (AsView(wire::MerkleLeafHash(entries[i])) != tile.substr(i * kHashBytes, kHashBytes))
      return Fail(ErrorCode::kDataLoss, "entry {} does not have the hash of its tile", i);
  return {};
}

// Whether all of them were made before this day.
Result<bool> AreBefore(int64_t day, const std::vector<std::string>& entries) {
  for (size_t i = 0; i < entries.size(); ++i) {
    auto record = record::Decode(entries[i]);
    if (!record) return Fail(std::move(record.error()), "entry {}", i);
    if (record->time_us >= day * kDayMicros) return false;
  }
  return true;
}

}  // namespace

Result<Compressor::Did> Compressor::Step() {
  if (!sweep_) {
    const int64_t day = options_.clock->UnixMicros() / kDayMicros;
    if (day == swept_day_) return Did::kNothing;
    Begin(day);
  }
  if (!sweep_->at && !Advance()) {
    End();
    return Did::kNothing;
  }
  auto did = Handle(sweep_->at->name);
  if (did) sweep_->at.reset();
  return did;
}

void Compressor::Begin(int64_t day) { sweep_.emplace(Sweep{day, Walk(*options_.fs, options_.folder)}); }

void Compressor::End() {
  if (sweep_->compressed > 0)
    LOG_INFO("bundle.compressed", F("folder", options_.folder), F("bundles", sweep_->compressed),
             F("bytes_before", sweep_->bytes_before), F("bytes_after", sweep_->bytes_after));
  if (sweep_->left > kLeftToldMax)
    LOG_WARN("bundle.left_plain", F("folder", options_.folder), F("bundles", sweep_->left));
  swept_day_ = sweep_->day;
  sweep_.reset();
}

bool Compressor::Advance() {
  const uint64_t covered = options_.size() / kBundleLeaves;
  for (;;) {
    auto next = sweep_->walk.Next();
    if (!next) LOG_WARN("bundle.not_looked_at", F("why", next.error().message));
    if (!next || !*next) return false;
    if ((*next)->is_compressed || (*next)->number >= covered) continue;
    sweep_->at = std::move(*next);
    return true;
  }
}

Result<Compressor::Did> Compressor::Handle(const std::string& name) {
  auto plain = io::ReadFile(*options_.fs, PathOf(name), kBundleBytesMax);
  if (!plain) Leave(name, plain.error().message);
  if (!plain) return Did::kLooked;
  auto compressed = CompressedForm(name, *plain);
  if (!compressed) return Did::kLooked;
  if (is_first_ && options_.before_first) TRY(options_.before_first());
  is_first_ = false;
  TRY(io::WriteFileDurably(*options_.fs, PathOf(name) + std::string(kCompressedSuffix), *compressed));
  TRY(options_.fs->Remove(PathOf(name)));
  ++sweep_->compressed;
  sweep_->bytes_before += plain->size();
  sweep_->bytes_after += compressed->size();
  return Did::kCompressed;
}

std::optional<std::string> Compressor::CompressedForm(const std::string& name, const std::string& plain) {
  auto entries = SplitEntries(plain);
  auto is_closed = entries ? AreBefore(sweep_->day, *entries) : std::unexpected<Error>(entries.error());
  if (!is_closed) Leave(name, is_closed.error().message);
  if (!is_closed || !*is_closed) return std::nullopt;
  auto tile = io::ReadFile(*options_.fs, options_.folder + "/tile/0/" + name, kBundleLeaves * kHashBytes);
  auto right = tile ? CheckEntries(*entries, *tile) : std::unexpected<Error>(tile.error());
  if (!right) Leave(name, right.error().message);
  if (!right) return std::nullopt;
  std::string compressed = wire::ZstdCompress(plain, kLevel);
  if (compressed.size() >= plain.size()) return std::nullopt;
  auto again = wire::ZstdDecompress(compressed, plain.size());
  if (again && *again == plain) return compressed;
  Leave(name, again ? "other bytes come out" : again.error().message);
  return std::nullopt;
}

void Compressor::Leave(const std::string& name, std::string_view why) {
  if (++sweep_->left <= kLeftToldMax) LOG_WARN("bundle.left_plain", F("file", PathOf(name)), F("why", why));
}

}  // namespace beleg::bundle
