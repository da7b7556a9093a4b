#include "witness/cosigner.h"

#include "base/check.h"
#include "io/durable.h"
#include "io/private_file.h"
#include "verify/cosignature.h"

namespace beleg::witness {
namespace {

using verify::KeyType;

constexpr std::string_view kPrivatePrefix = "PRIVATE+KEY+";
constexpr size_t kKeyFileBytesMax = 4096;
constexpr size_t kNameBytesMax = 200;

struct PrivateKey {
  std::string name;
  Hash32 seed{};
};

// The seed under the type of a plain Ed25519 key: the form that Go's note package and all that build on it read.
std::string Format(const PrivateKey& key, const Hash32& public_key) {
  std::string typed(1, static_cast<char>(KeyType::kEd25519));
  typed += AsView(key.seed);
  return fmt::format("{}{}+{:08x}+{}\n", kPrivatePrefix, key.name, verify::KeyIdOf(key.name, public_key),
                     Base64Encode(typed));
}

Result<PrivateKey> Parse(std::string_view line) {
  const auto bad = [] { return Fail(ErrorCode::kDataLoss, "no key: want PRIVATE+KEY+name+id+seed"); };
  if (!line.starts_with(kPrivatePrefix) || !line.ends_with('\n')) return bad();
  line.remove_prefix(kPrivatePrefix.size());
  line.remove_suffix(1);
  const size_t name_end = line.find('+');
  const size_t id_end = name_end == line.npos ? line.npos : line.find('+', name_end + 1);
  if (id_end == line.npos) return bad();
  auto typed = Base64Decode(line.substr(id_end + 1));
  if (!typed || typed->size() != 33 || typed->front() != static_cast<char>(KeyType::kEd25519)) return bad();
  return PrivateKey{std::string(line.substr(0, name_end)),
                    ToArray<32>(std::string_view(*typed).substr(1)).value()};
}

Result<void> MakeKeyFile(io::FileSystem& fs, const std::string& path, std::string name,
                         std::string_view default_prefix, Rng& rng) {
  if (name.empty())
    name = fmt::format("{}{}", default_prefix, HexEncode(AsView(rng.Draw<std::array<uint8_t, 8>>())));
  if (!verify::IsKeyName(name) || name.size() > kNameBytesMax)
    return Fail(ErrorCode::kInvalidArgument,
                "name \"{}\": wants 1 to {} bytes of UTF-8 without space and plus", name, kNameBytesMax);
  const PrivateKey key{std::move(name), rng.Draw<Hash32>()};
  TRY_ASSIGN(auto signing, wire::Ed25519Key::FromSeed(key.seed));
  TRY(io::MakeFoldersDurably(fs, io::ParentOf(path), 0700));
  return io::WriteFileDurably(fs, path, Format(key, signing->public_key()), 0600);
}

}  // namespace

Result<std::unique_ptr<Cosigner>> Cosigner::Open(io::FileSystem& fs, const std::string& path,
                                                 const std::string& name, std::string_view default_prefix,
                                                 Rng& rng) {
  TRY_ASSIGN(bool exists, fs.Exists(path));
  if (!exists) TRY(MakeKeyFile(fs, path, name, default_prefix, rng));
  TRY(io::CheckPrivate(fs, path));
  TRY_ASSIGN(std::string line, io::ReadFile(fs, path, kKeyFileBytesMax));
  auto key = Parse(line);
  if (!key) return Fail(std::move(key.error()), "{}", path);
  if (!name.empty() && name != key->name)
    return Fail(ErrorCode::kFailedPrecondition, "{}: the key's name is {}, not {}", path, key->name, name);
  TRY_ASSIGN(auto signing, wire::Ed25519Key::FromSeed(key->seed));
  if (Format(*key, signing->public_key()) != line)
    return Fail(ErrorCode::kDataLoss, "{}: its key id is not that of name and seed", path);
  return std::unique_ptr<Cosigner>(new Cosigner(std::move(key->name), std::move(signing)));
}

Cosigner::Cosigner(std::string name, std::unique_ptr<wire::Ed25519Key> signing)
    : signing_(std::move(signing)),
      key_{name, verify::KeyIdOf(name, signing_->public_key(), KeyType::kCosignatureV1),
           signing_->public_key()} {}

std::string Cosigner::Cosign(std::string_view checkpoint_text, int64_t unix_s) const {
  CHECK(unix_s > 0, "a witness's cosignature has its time");
  verify::NoteSignature signature{key_.name, key_.id, ""};
  PutBig64(signature.bytes, static_cast<uint64_t>(unix_s));
  signature.bytes += AsView(signing_->Sign(verify::CosignedMessage(unix_s, checkpoint_text)));
  return verify::FormatSignature(signature);
}

}  // namespace beleg::witness
