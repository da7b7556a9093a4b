#include "ledger/restore_mark.h"

#include <algorithm>

#include "base/bytes.h"
#include "io/durable.h"

namespace beleg::ledger {
namespace {

constexpr std::string_view kHead = "beleg-restore/v1 ";
constexpr size_t kFileBytesMax = 256;

std::string RestoringPath(const std::string& dir) { return dir + "/restoring"; }
std::string RestoredPath(const std::string& dir) { return dir + "/restored"; }
std::string Format(const RestoreMark& mark) { return fmt::format("{}{} {}\n", kHead, mark.from, mark.to); }

Result<std::optional<RestoreMark>> ReadMark(io::FileSystem& fs, const std::string& path) {
  auto text = io::ReadFile(fs, path, kFileBytesMax);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::nullopt;
  if (!text) return std::unexpected<Error>(text.error());
  if (text->starts_with(kHead)) {
    const std::string_view sizes = std::string_view(*text).substr(kHead.size());
    const size_t space = std::min(sizes.find(' '), sizes.size() - 1);
    auto from = ParseUint64(sizes.substr(0, space));
    auto to = ParseUint64(sizes.substr(space + 1, sizes.size() - space - 2));
    if (from && to && Format({*from, *to}) == *text) return RestoreMark{*from, *to};
  }
  return Fail(ErrorCode::kDataLoss, "{}: is no mark of a restore, or damaged", path);
}

}  // namespace

Result<std::optional<RestoreMark>> ReadRestoring(io::FileSystem& fs, const std::string& dir) {
  return ReadMark(fs, RestoringPath(dir));
}

Result<std::optional<RestoreMark>> ReadRestored(io::FileSystem& fs, const std::string& dir) {
  return ReadMark(fs, RestoredPath(dir));
}

Result<void> MarkRestoring(io::FileSystem& fs, const std::string& dir, RestoreMark mark) {
  TRY_ASSIGN(auto there, ReadRestoring(fs, dir));
  if (there) mark = {there->from, std::max(there->to, mark.to)};
  return io::WriteFileDurably(fs, RestoringPath(dir), Format(mark));
}

Result<void> MarkRestored(io::FileSystem& fs, const std::string& dir) {
  TRY(fs.Rename(RestoringPath(dir), RestoredPath(dir)));
  return fs.SyncFolder(dir);
}

Result<void> ForgetRestored(io::FileSystem& fs, const std::string& dir) {
  auto removed = fs.Remove(RestoredPath(dir));
  if (!removed && removed.error().code == ErrorCode::kNotFound) return {};
  return removed;
}

}  // namespace beleg::ledger
