#include "ledger/cursor.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "io/durable.h"

namespace beleg::ledger {
namespace {

constexpr std::string_view kHead = "beleg-cursor/v1 ";
constexpr size_t kFileBytesMax = 128;
constexpr size_t kNameBytesMax = 64;

// "beleg-cursor/v1 1234 1a2b3c4d\n": the checksum is CRC-32C of the digits.
std::string Format(uint64_t next) {
  const std::string digits = std::to_string(next);
  return fmt::format("{}{} {:08x}\n", kHead, digits, Crc32c(digits));
}

bool IsNameByte(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; }

Result<uint64_t> Parse(const std::string& path, std::string_view text) {
  if (text.starts_with(kHead)) {
    const std::string_view rest = text.substr(kHead.size());
    auto next = ParseUint64(rest.substr(0, rest.find(' ')));
    if (next && Format(*next) == text) return *next;
  }
  return Fail(ErrorCode::kDataLoss, "{}: is no cursor, or damaged", path);
}

}  // namespace

Result<std::unique_ptr<Cursor>> Cursor::Open(io::FileSystem& fs, const std::string& ledger_dir,
                                             const std::string& name) {
  if (name.empty() || name.size() > kNameBytesMax || !std::ranges::all_of(name, IsNameByte))
    return Fail(ErrorCode::kInvalidArgument, "cursor '{}': a name has 1 to {} of a-z, 0-9, - and _", name,
                kNameBytesMax);
  const std::string path = ledger_dir + "/cursors/" + name;
  TRY_ASSIGN(bool exists, fs.Exists(path));
  uint64_t next = 0;
  if (exists) {
    TRY_ASSIGN(std::string text, io::ReadFile(fs, path, kFileBytesMax));
    TRY_ASSIGN(next, Parse(path, text));
    TRY(fs.SyncFolder(io::ParentOf(path)));  // a former process may have died before it did
  }
  return std::unique_ptr<Cursor>(new Cursor(fs, path, next));
}

Result<void> Cursor::Advance(uint64_t next) {
  CHECK(next >= next_, "a cursor never goes back");
  if (next == next_) return {};
  TRY(io::WriteFileDurably(fs_, path_, Format(next)));
  next_ = next;
  return {};
}

}  // namespace beleg::ledger
