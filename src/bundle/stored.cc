#include "bundle/stored.h"

#include "bundle/entry_bundle.h"
#include "io/durable.h"
#include "wire/compress.h"

namespace beleg::bundle {
namespace {

std::string CompressedOf(const std::string& path) { return path + std::string(kCompressedSuffix); }

bool IsMissing(const auto& result) { return !result && result.error().code == ErrorCode::kNotFound; }

Result<uint64_t> SizeOf(io::FileSystem& fs, const std::string& path) {
  TRY_ASSIGN(auto file, fs.Open(path, io::OpenMode::kRead));
  return file->Size();
}

}  // namespace

Result<std::string> ReadLogFile(io::FileSystem& fs, const std::string& folder, std::string_view name) {
  const std::string path = folder + "/" + std::string(name);
  const bool is_partial = name.find(".p/") != std::string_view::npos;
  if (name.starts_with("tile/entries/") && !is_partial) return ReadStored(fs, path);
  return io::ReadFile(fs, path, kBundleBytesMax);
}

// The plain form first: it is removed only when the other one is there for good.
Result<std::string> ReadStored(io::FileSystem& fs, const std::string& path) {
  auto plain = io::ReadFile(fs, path, kBundleBytesMax);
  if (!IsMissing(plain)) return plain;
  auto compressed = io::ReadFile(fs, CompressedOf(path), kBundleBytesMax);
  if (IsMissing(compressed)) return plain;
  if (!compressed) return compressed;
  auto bytes = wire::ZstdDecompress(*compressed, kBundleBytesMax);
  if (!bytes) return Fail(ErrorCode::kDataLoss, "{}: {}", CompressedOf(path), bytes.error().message);
  return bytes;
}

Result<uint64_t> StoredSize(io::FileSystem& fs, const std::string& path) {
  auto plain = SizeOf(fs, path);
  return IsMissing(plain) ? SizeOf(fs, CompressedOf(path)) : plain;
}

Result<void> RemoveStored(io::FileSystem& fs, const std::string& path) {
  for (const std::string& form : {path, CompressedOf(path)}) {
    for (const std::string& file : {form, io::TemporaryOf(form)}) {
      auto removed = fs.Remove(file);
      if (!removed && !IsMissing(removed)) return removed;
    }
  }
  return {};
}

}  // namespace beleg::bundle
