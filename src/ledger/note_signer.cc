#include "ledger/note_signer.h"

#include <algorithm>

#include "base/check.h"
#include "wire/sha256.h"

namespace beleg::ledger {
namespace {

constexpr size_t kNameBytesMax = 200;
constexpr std::string_view kPrivatePrefix = "PRIVATE+KEY+";
constexpr char kEd25519 = 0x01;

std::string TypeAndKey(const Hash32& key) { return kEd25519 + std::string(AsView(key)); }

// First 4 bytes of SHA-256(name ‖ "\n" ‖ type ‖ public key).
std::string KeyIdOf(std::string_view name, const Hash32& public_key) {
  return std::string(AsView(wire::Sha256(std::string(name) + "\n" + TypeAndKey(public_key))).substr(0, 4));
}

// Quotes and backslashes are left out too, so that a name needs no escape in JSON.
bool IsNameByte(char c) { return c > ' ' && c <= '~' && c != '+' && c != '"' && c != '\\'; }

}  // namespace

Result<std::unique_ptr<NoteSigner>> NoteSigner::Make(std::string name, const Hash32& seed) {
  if (name.empty() || name.size() > kNameBytesMax || !std::ranges::all_of(name, IsNameByte))
    return Fail(ErrorCode::kInvalidArgument,
                "origin: wants 1 to {} printable ASCII characters without space, plus, quote and backslash",
                kNameBytesMax);
  TRY_ASSIGN(auto key, wire::Ed25519Key::FromSeed(seed));
  return std::unique_ptr<NoteSigner>(new NoteSigner(std::move(name), seed, std::move(key)));
}

NoteSigner::NoteSigner(std::string name, const Hash32& seed, std::unique_ptr<wire::Ed25519Key> key)
    : name_(std::move(name)), seed_(seed), key_id_(KeyIdOf(name_, key->public_key())), key_(std::move(key)) {
  vkey_ = fmt::format("{}+{}+{}", name_, HexEncode(key_id_), Base64Encode(TypeAndKey(key_->public_key())));
}

std::string NoteSigner::PrivateKey() const {
  return fmt::format("{}{}+{}+{}", kPrivatePrefix, name_, HexEncode(key_id_),
                     Base64Encode(TypeAndKey(seed_)));
}

Result<std::unique_ptr<NoteSigner>> NoteSigner::FromPrivateKey(std::string_view line) {
  const auto bad = [] {
    return Fail(ErrorCode::kDataLoss, "no private key of a signed note (PRIVATE+KEY+name+id+seed)");
  };
  if (!line.starts_with(kPrivatePrefix)) return bad();
  line.remove_prefix(kPrivatePrefix.size());
  const size_t name_end = line.find('+');
  const size_t id_end = name_end == line.npos ? line.npos : line.find('+', name_end + 1);
  if (id_end == line.npos) return bad();
  auto raw = Base64Decode(line.substr(id_end + 1));
  if (!raw || raw->size() != 33 || raw->front() != kEd25519) return bad();
  TRY_ASSIGN(auto signer, Make(std::string(line.substr(0, name_end)),
                               ToArray<32>(std::string_view(*raw).substr(1)).value()));
  if (HexEncode(signer->key_id_) != line.substr(name_end + 1, id_end - name_end - 1)) return bad();
  return signer;
}

std::string NoteSigner::SignNote(std::string_view text) const {
  CHECK(text.ends_with('\n'), "a note's text ends with a newline");
  return fmt::format("{}\n{}", text, SignatureLine(text));
}

std::string NoteSigner::SignatureLine(std::string_view text) const {
  const auto signature = Sign(text);
  return fmt::format("\u2014 {} {}\n", name_, Base64Encode(key_id_ + std::string(AsView(signature))));
}

}  // namespace beleg::ledger
