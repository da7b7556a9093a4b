#include "verify/cosignature.h"

#include <algorithm>

#include "wire/ed25519.h"

namespace beleg::verify {
namespace {

constexpr size_t kTimeBytes = 8;
constexpr size_t kSignatureBytes = 64;

Result<int64_t> CheckOne(std::string_view text, const NoteSignature& signature, const VerifierKey& cosigner) {
  const auto bad = [&] {
    return Fail(ErrorCode::kDataLoss, "note: the cosignature of {} is bad", cosigner.name);
  };
  if (signature.bytes.size() != kTimeBytes + kSignatureBytes) return bad();
  const uint64_t unix_s = GetBig64(signature.bytes.data());
  if (unix_s > INT64_MAX) return bad();
  const auto time = static_cast<int64_t>(unix_s);
  if (!wire::Ed25519Verify(cosigner.public_key, CosignedMessage(time, text),
                           std::string_view(signature.bytes).substr(kTimeBytes)))
    return bad();
  return time;
}

}  // namespace

std::string CosignedMessage(int64_t unix_s, std::string_view checkpoint_text) {
  return fmt::format("cosignature/v1\ntime {}\n{}", unix_s, checkpoint_text);
}

Result<int64_t> CheckCosignature(const Note& note, const VerifierKey& cosigner) {
  int64_t newest = -1;
  for (const NoteSignature& signature : note.signatures) {
    if (signature.name != cosigner.name || signature.key_id != cosigner.id) continue;
    TRY_ASSIGN(int64_t time, CheckOne(note.text, signature, cosigner));
    newest = std::max(newest, time);
  }
  if (newest < 0)
    return Fail(ErrorCode::kUnauthenticated, "note: no cosignature of {} (key id {:08x})", cosigner.name,
                cosigner.id);
  return newest;
}

}  // namespace beleg::verify
