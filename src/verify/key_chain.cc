#include "verify/key_chain.h"

#include <optional>

#include "verify/proof.h"
#include "wire/json.h"

namespace beleg::verify {
namespace {

constexpr int kKeysMax = 999;

std::string TextAt(const wire::Json& json, std::string_view name) {
  const wire::Json* value = json.Find(name);
  return value != nullptr && value->is_string() ? value->as_string() : "";
}

// The key that a key record names.
Result<VerifierKey> KeyOfRecord(std::string_view record, std::string_view origin) {
  auto json = wire::Json::Parse(record);
  if (!json || TextAt(*json, "type") != "key")
    return Fail(ErrorCode::kDataLoss, "its extra data is no key record");
  auto key = ParseVerifierKey(TextAt(*json, "vkey"));
  if (!key) return Fail(ErrorCode::kDataLoss, "{}", key.error().message);
  if (key->name != origin) return Fail(ErrorCode::kDataLoss, "its key is of {}, not {}", key->name, origin);
  return key;
}

// nullopt: another key vouched for it, one before the pinned one.
Result<std::optional<VerifierKey>> NextKey(std::string_view file, const VerifierKey& key) {
  TRY_ASSIGN(TlogProof proof, ParseTlogProof(file));
  auto checked = CheckTlogProof(file, proof.extra, key);
  if (!checked && checked.error().code == ErrorCode::kUnauthenticated) return std::nullopt;
  if (!checked) return std::unexpected<Error>(checked.error());
  return KeyOfRecord(proof.extra, key.name);
}

}  // namespace

Result<std::vector<VerifierKey>> FollowKeys(const TileSource& source, const VerifierKey& pinned) {
  std::vector<VerifierKey> keys = {pinned};
  for (int number = 1; number <= kKeysMax; ++number) {
    const std::string path = fmt::format("keys/{:03}.tlog-proof", number);
    auto file = source(path);
    // A server that knows no such files may call the path wrong.
    if (!file &&
        (file.error().code == ErrorCode::kNotFound || file.error().code == ErrorCode::kInvalidArgument))
      break;
    if (!file) return Fail(std::move(file.error()), "{}", path);
    auto next = NextKey(*file, keys.back());
    if (!next) return Fail(std::move(next.error()), "{}", path);
    if (*next) keys.push_back(**next);
  }
  return keys;
}

Result<VerifierKey> KeyOfCheckpoint(const TileSource& source, const VerifierKey& pinned) {
  auto note = source("checkpoint");
  if (!note || OpenCheckpoint(*note, pinned)) return pinned;
  TRY_ASSIGN(auto keys, FollowKeys(source, pinned));
  for (const VerifierKey& key : keys)
    if (OpenCheckpoint(*note, key)) return key;
  return pinned;
}

}  // namespace beleg::verify
