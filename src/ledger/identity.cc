#include "ledger/identity.h"

#include "base/log.h"
#include "io/durable.h"
#include "io/private_file.h"
#include "wire/json.h"

namespace beleg::ledger {
namespace {

using wire::Json;

constexpr int64_t kFormat = 1;  // of a log that had one key
constexpr int64_t kRotatedFormat =
    2;  // of one that had more: a program that does not know them must not sign
constexpr int64_t kCompressedFormat = 3;  // of one whose bundles may be compressed
constexpr size_t kFileBytesMax = 64 << 10;

std::string KeyPath(const std::string& dir) { return dir + "/key"; }
std::string NextKeyPath(const std::string& dir) { return dir + "/key.next"; }
std::string OldKeyPath(const std::string& dir, const std::string& vkey) {
  const size_t name_end = vkey.find('+');
  return dir + "/key." + vkey.substr(name_end + 1, vkey.find('+', name_end + 1) - name_end - 1);
}
std::string LogPath(const std::string& dir) { return dir + "/log.json"; }

std::string RandomName(std::string_view prefix, Rng& rng) {
  return fmt::format("{}{}", prefix, HexEncode(AsView(rng.Draw<std::array<uint8_t, 8>>())));
}

Result<void> MakeKey(io::FileSystem& fs, const std::string& path, std::string origin, Rng& rng) {
  if (origin.empty()) origin = RandomName("beleg-", rng);
  TRY_ASSIGN(auto signer, NoteSigner::Make(std::move(origin), rng.Draw<Hash32>()));
  return io::WriteFileDurably(fs, path, signer->PrivateKey() + "\n", 0600);
}

Result<std::unique_ptr<NoteSigner>> ReadKey(io::FileSystem& fs, const std::string& path) {
  TRY(io::CheckPrivate(fs, path));
  TRY_ASSIGN(std::string line, io::ReadFile(fs, path, kFileBytesMax));
  if (line.ends_with('\n')) line.pop_back();
  auto signer = NoteSigner::FromPrivateKey(line);
  if (!signer) return Fail(std::move(signer.error()), "{}", path);
  return signer;
}

// What log.json says.
struct PublicPart {
  std::string host, origin, vkey;
  std::vector<OldKey> old_keys;
  bool has_compressed = false;  // bundles
};

Result<std::string> TextAt(const std::string& path, const Json& json, std::string_view name) {
  const Json* value = json.Find(name);
  if (value == nullptr || !value->is_string()) return Fail(ErrorCode::kDataLoss, "{}: no {}", path, name);
  return value->as_string();
}

Result<PublicPart> ReadPublicPart(io::FileSystem& fs, const std::string& path) {
  TRY_ASSIGN(std::string text, io::ReadFile(fs, path, kFileBytesMax));
  auto json = Json::Parse(text);
  if (!json) return Fail(ErrorCode::kDataLoss, "{}: {}", path, json.error().message);
  const Json* format = json->Find("format");
  if (format == nullptr || !format->is_int()) return Fail(ErrorCode::kDataLoss, "{}: no format number", path);
  if (format->as_int() < kFormat || format->as_int() > kCompressedFormat)
    return Fail(ErrorCode::kUnimplemented, "{}: format {} of the log, {} to {} are known", path,
                format->as_int(), kFormat, kCompressedFormat);
  PublicPart part;
  part.has_compressed = format->as_int() == kCompressedFormat;
  TRY_ASSIGN(part.origin, TextAt(path, *json, "origin"));
  TRY_ASSIGN(part.host, TextAt(path, *json, "host"));
  TRY_ASSIGN(part.vkey, TextAt(path, *json, "vkey"));
  if (format->as_int() == kFormat) return part;
  const Json* old_keys = json->Find("old_keys");
  if (old_keys == nullptr || !old_keys->is_array())
    return Fail(ErrorCode::kDataLoss, "{}: no old_keys", path);
  for (const Json& item : old_keys->as_array()) {
    OldKey old;
    TRY_ASSIGN(old.vkey, TextAt(path, item, "vkey"));
    const Json* until = item.Find("until_us");
    if (until == nullptr || !until->is_int()) return Fail(ErrorCode::kDataLoss, "{}: no until_us", path);
    old.until_us = until->as_int();
    part.old_keys.push_back(std::move(old));
  }
  return part;
}

int64_t FormatOf(const PublicPart& part) {
  if (part.has_compressed) return kCompressedFormat;
  return part.old_keys.empty() ? kFormat : kRotatedFormat;
}

Result<void> WritePublicPart(io::FileSystem& fs, const std::string& dir, const PublicPart& part) {
  Json json = Json::MakeObject(
      {{"format", FormatOf(part)}, {"host", part.host}, {"origin", part.origin}, {"vkey", part.vkey}});
  Json::Array old_keys;
  for (const OldKey& old : part.old_keys)
    old_keys.push_back(Json::MakeObject({{"until_us", old.until_us}, {"vkey", old.vkey}}));
  if (FormatOf(part) != kFormat) json.Set("old_keys", std::move(old_keys));
  return io::WriteFileDurably(fs, LogPath(dir), json.Dump() + "\n");
}

// The name of the next key becomes that of the key.
Result<void> MoveNextKey(io::FileSystem& fs, const std::string& dir) {
  TRY(fs.Rename(NextKeyPath(dir), KeyPath(dir)));
  return fs.SyncFolder(dir);
}

Result<void> NeedKey(io::FileSystem& fs, const std::string& dir, const std::string& origin, bool has_log,
                     Rng& rng) {
  TRY_ASSIGN(bool has_key, fs.Exists(KeyPath(dir)));
  if (has_key) return {};
  if (!has_log) return MakeKey(fs, KeyPath(dir), origin, rng);
  return Fail(
      ErrorCode::kDataLoss,
      "{}: the log is there, its key is missing. Put it back from where you keep it (mode 600). If it is "
      "lost, this log has ended: what is signed stays good, and a new log is begun with `beleg ledger new "
      "--continues` (docs/operations/ledger.md)",
      KeyPath(dir));
}

// At inception, or after a crash in it: the key comes first, then this, then the first checkpoint. Later it is never made anew, since it
// would say nothing of the former keys and of the format.
Result<void> MakePublicPart(io::FileSystem& fs, const std::string& dir, const NoteSigner& signer, Rng& rng) {
  TRY_ASSIGN(bool has_checkpoint, fs.Exists(dir + "/public/checkpoint"));
  if (has_checkpoint)
    return Fail(
        ErrorCode::kDataLoss,
        "{}: the log is there, this file is missing. Put it back from a copy, or restore the log from its "
        "mirror into an empty folder (docs/operations/ledger.md)",
        LogPath(dir));
  return WritePublicPart(
      fs, dir,
      {.host = RandomName("h-", rng), .origin = signer.name(), .vkey = signer.vkey(), .old_keys = {}});
}

}  // namespace

Result<Identity> OpenIdentity(io::FileSystem& fs, const std::string& dir, const std::string& origin,
                              Rng& rng) {
  TRY_ASSIGN(bool has_log, fs.Exists(LogPath(dir)));
  TRY_ASSIGN(bool is_taken, IsNextKeyTaken(fs, dir));
  if (is_taken) TRY(MoveNextKey(fs, dir));
  TRY(NeedKey(fs, dir, origin, has_log, rng));
  Identity identity;
  TRY_ASSIGN(identity.signer, ReadKey(fs, KeyPath(dir)));
  if (!origin.empty() && origin != identity.signer->name())
    return Fail(ErrorCode::kFailedPrecondition, "{}: the log's origin is {}, not {}", dir,
                identity.signer->name(), origin);
  if (!has_log) TRY(MakePublicPart(fs, dir, *identity.signer, rng));
  TRY_ASSIGN(PublicPart part, ReadPublicPart(fs, LogPath(dir)));
  if (part.vkey != identity.signer->vkey())
    return Fail(ErrorCode::kDataLoss, "{}: vkey is not that of the key file beside it", LogPath(dir));
  identity.host = std::move(part.host);
  identity.old_keys = std::move(part.old_keys);
  for (OldKey& old : identity.old_keys) {
    auto signer = ReadKey(fs, OldKeyPath(dir, old.vkey));
    if (!signer && signer.error().code != ErrorCode::kNotFound) return std::unexpected<Error>(signer.error());
    if (signer) old.signer = std::move(*signer);
  }
  return identity;
}

Result<void> AdoptKey(io::FileSystem& fs, const std::string& dir, const std::string& line) {
  TRY_ASSIGN(auto signer, NoteSigner::FromPrivateKey(line));
  TRY_ASSIGN(bool exists, fs.Exists(KeyPath(dir)));
  if (!exists) return io::WriteFileDurably(fs, KeyPath(dir), signer->PrivateKey() + "\n", 0600);
  TRY_ASSIGN(auto there, ReadKey(fs, KeyPath(dir)));
  if (there->vkey() == signer->vkey()) return {};
  return Fail(ErrorCode::kAlreadyExists, "{}: another key is there, {}", KeyPath(dir), there->vkey());
}

Result<std::unique_ptr<NoteSigner>> PrepareNextKey(io::FileSystem& fs, const std::string& dir,
                                                   const std::string& origin, Rng& rng) {
  TRY_ASSIGN(bool exists, fs.Exists(NextKeyPath(dir)));
  if (!exists) TRY(MakeKey(fs, NextKeyPath(dir), origin, rng));
  return ReadKey(fs, NextKeyPath(dir));
}

// log.json is the last word: before it the rotation has not happened, after it only names are moved.
Result<void> TakeNextKey(io::FileSystem& fs, const std::string& dir, const Identity& identity,
                         int64_t until_us) {
  TRY_ASSIGN(auto next, ReadKey(fs, NextKeyPath(dir)));
  const NoteSigner& present = *identity.signer;
  TRY(io::WriteFileDurably(fs, OldKeyPath(dir, present.vkey()), present.PrivateKey() + "\n", 0600));
  TRY_ASSIGN(PublicPart part, ReadPublicPart(fs, LogPath(dir)));
  part.old_keys.push_back({present.vkey(), until_us, nullptr});
  part.vkey = next->vkey();
  TRY(WritePublicPart(fs, dir, part));
  return MoveNextKey(fs, dir);
}

Result<void> SetHasCompressedBundles(io::FileSystem& fs, const std::string& dir, bool has_compressed) {
  TRY_ASSIGN(PublicPart part, ReadPublicPart(fs, LogPath(dir)));
  if (part.has_compressed == has_compressed) return {};
  part.has_compressed = has_compressed;
  return WritePublicPart(fs, dir, part);
}

std::string KeyProofPath(const std::string& dir, size_t number) {
  return fmt::format("{}/public/keys/{:03}.tlog-proof", dir, number);
}

Result<bool> IsNextKeyTaken(io::FileSystem& fs, const std::string& dir) {
  TRY_ASSIGN(bool has_next, fs.Exists(NextKeyPath(dir)));
  TRY_ASSIGN(bool has_log, fs.Exists(LogPath(dir)));
  if (!has_next || !has_log) return false;
  TRY_ASSIGN(auto next, ReadKey(fs, NextKeyPath(dir)));
  TRY_ASSIGN(PublicPart part, ReadPublicPart(fs, LogPath(dir)));
  return part.vkey == next->vkey();
}

void ForgetExpiredKeys(io::FileSystem& fs, const std::string& dir, Identity& identity, int64_t now_us) {
  for (OldKey& old : identity.old_keys) {
    if (!old.signer || now_us < old.until_us) continue;
    auto removed = fs.Remove(OldKeyPath(dir, old.vkey));
    if (removed) {
      LOG_INFO("ledger.old_key_destroyed", F("vkey", old.vkey));
      old.signer = nullptr;
    } else {
      LOG_WARN("ledger.old_key_left", F("vkey", old.vkey), F("why", removed.error().message));
    }
  }
}

}  // namespace beleg::ledger
