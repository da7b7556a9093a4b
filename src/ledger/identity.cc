#include "ledger/identity.h"

#include "io/durable.h"
#include "io/private_file.h"
#include "wire/json.h"

namespace beleg::ledger {
namespace {

constexpr int64_t kFormat = 1;
constexpr size_t kFileBytesMax = 64 << 10;

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

Result<std::string> ReadHost(const std::string& path, std::string_view text, const NoteSigner& signer) {
  auto json = wire::Json::Parse(text);
  if (!json) return Fail(ErrorCode::kDataLoss, "{}: {}", path, json.error().message);
  const wire::Json* format = json->Find("format");
  if (format == nullptr || !format->is_int()) return Fail(ErrorCode::kDataLoss, "{}: no format number", path);
  if (format->as_int() != kFormat)
    return Fail(ErrorCode::kUnimplemented, "{}: format {} of the log, {} is known", path, format->as_int(),
                kFormat);
  const wire::Json* vkey = json->Find("vkey");
  if (vkey == nullptr || !vkey->is_string() || vkey->as_string() != signer.vkey())
    return Fail(ErrorCode::kDataLoss, "{}: vkey is not that of the key file beside it", path);
  const wire::Json* host = json->Find("host");
  if (host == nullptr || !host->is_string()) return Fail(ErrorCode::kDataLoss, "{}: no host", path);
  return host->as_string();
}

}  // namespace

Result<Identity> OpenIdentity(io::FileSystem& fs, const std::string& dir, const std::string& origin,
                              Rng& rng) {
  const std::string key_path = dir + "/key", log_path = dir + "/log.json";
  TRY_ASSIGN(bool has_key, fs.Exists(key_path));
  TRY_ASSIGN(bool has_log, fs.Exists(log_path));
  if (!has_key && has_log)
    return Fail(ErrorCode::kDataLoss,
                "{}: the log is there, its key is missing. Put it back from where you keep it (mode 600). If it is lost, this log "
                "has ended: what is signed stays good, and a new log is begun with `beleg ledger new --continues` "
                "(docs/operations/ledger.md)",
                key_path);
  if (!has_key) TRY(MakeKey(fs, key_path, origin, rng));
  Identity identity;
  TRY_ASSIGN(identity.signer, ReadKey(fs, key_path));
  if (!origin.empty() && origin != identity.signer->name())
    return Fail(ErrorCode::kFailedPrecondition, "{}: the log's origin is {}, not {}", dir,
                identity.signer->name(), origin);
  if (!has_log) {  // inception, or a crash in it: the key comes first
    const auto json = wire::Json::MakeObject({{"format", kFormat},
                                              {"host", RandomName("h-", rng)},
                                              {"origin", identity.signer->name()},
                                              {"vkey", identity.signer->vkey()}});
    TRY(io::WriteFileDurably(fs, log_path, json.Dump() + "\n"));
  }
  TRY_ASSIGN(std::string text, io::ReadFile(fs, log_path, kFileBytesMax));
  TRY_ASSIGN(identity.host, ReadHost(log_path, text, *identity.signer));
  return identity;
}

Result<void> AdoptKey(io::FileSystem& fs, const std::string& dir, const std::string& line) {
  const std::string path = dir + "/key";
  TRY_ASSIGN(auto signer, NoteSigner::FromPrivateKey(line));
  TRY_ASSIGN(bool exists, fs.Exists(path));
  if (!exists) return io::WriteFileDurably(fs, path, signer->PrivateKey() + "\n", 0600);
  TRY_ASSIGN(auto there, ReadKey(fs, path));
  if (there->vkey() == signer->vkey()) return {};
  return Fail(ErrorCode::kAlreadyExists, "{}: another key is there, {}", path, there->vkey());
}

}  // namespace beleg::ledger
