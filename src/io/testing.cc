#include "io/testing.h"

#include <stdlib.h>

#include <filesystem>

#include "base/check.h"

namespace beleg::io {
namespace {

// What File::Sync promises of its errors.
Result<void> AsSyncError(Result<void> result) {
  if (!result) result.error().code = ErrorCode::kDataLoss;
  return result;
}

class FaultFile final : public File {
 public:
  FaultFile(std::unique_ptr<File> real, const FaultFileSystem::Fault& fault)
      : real_(std::move(real)), fault_(fault) {}

  Result<std::string> ReadAt(uint64_t offset, size_t size) override { return real_->ReadAt(offset, size); }
  Result<void> WriteAt(uint64_t offset, std::string_view bytes) override {
    TRY(fault_(FaultPoint::kWrite, path()));
    return real_->WriteAt(offset, bytes);
  }
  Result<uint64_t> Size() override { return real_->Size(); }
  Result<void> Truncate(uint64_t size) override {
    TRY(fault_(FaultPoint::kTruncate, path()));
    return real_->Truncate(size);
  }
  Result<void> Allocate(uint64_t offset, uint64_t size) override {
    TRY(fault_(FaultPoint::kAllocate, path()));
    return real_->Allocate(offset, size);
  }
  Result<void> Sync() override {
    TRY(AsSyncError(fault_(FaultPoint::kSync, path())));
    return real_->Sync();
  }
  const std::string& path() const override { return real_->path(); }

 private:
  const std::unique_ptr<File> real_;
  const FaultFileSystem::Fault& fault_;
};

}  // namespace

TempFolder::TempFolder() {
  path_ = std::filesystem::temp_directory_path() / "beleg_test_XXXXXX";
  CHECK(::mkdtemp(path_.data()) != nullptr, "no temporary folder can be made");
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void CopyFolder(const std::string& from, const std::string& to) {
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

Result<std::unique_ptr<File>> FaultFileSystem::Open(const std::string& path, OpenMode mode, int permissions) {
  if (mode != OpenMode::kRead) TRY(fault_(FaultPoint::kOpen, path));
  TRY_ASSIGN(auto file, real_.Open(path, mode, permissions));
  return std::make_unique<FaultFile>(std::move(file), fault_);
}

Result<void> FaultFileSystem::Rename(const std::string& from, const std::string& to) {
  TRY(fault_(FaultPoint::kRename, to));
  return real_.Rename(from, to);
}

Result<void> FaultFileSystem::Remove(const std::string& path) {
  TRY(fault_(FaultPoint::kRemove, path));
  return real_.Remove(path);
}

Result<void> FaultFileSystem::RemoveFolder(const std::string& folder) {
  TRY(fault_(FaultPoint::kRemove, folder));
  return real_.RemoveFolder(folder);
}

Result<void> FaultFileSystem::MakeFolders(const std::string& folder, int permissions) {
  TRY(fault_(FaultPoint::kMakeFolders, folder));
  return real_.MakeFolders(folder, permissions);
}

Result<void> FaultFileSystem::SyncFolder(const std::string& folder) {
  auto asked = fault_(FaultPoint::kSyncFolder, folder);
  if (!asked && asked.error().code == ErrorCode::kPermissionDenied) return asked;  // it could not be opened
  TRY(AsSyncError(std::move(asked)));
  return real_.SyncFolder(folder);
}

Result<uint64_t> FaultFileSystem::FreeBytes(const std::string& path) {
  int64_t told = free_bytes.load();
  return told >= 0 ? Result<uint64_t>(static_cast<uint64_t>(told)) : real_.FreeBytes(path);
}

}  // namespace beleg::io
