#include "wire/sha256.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace beleg::wire {

// One context a thread: making one costs three times the hash of a Merkle node.
struct Sha256Stream::State {
  State() : context(EVP_MD_CTX_new()), digest(EVP_MD_fetch(nullptr, "SHA256", nullptr)) { Begin(); }
  ~State() {
    EVP_MD_CTX_free(context);
    EVP_MD_free(digest);
  }
  void Begin() { CHECK(EVP_DigestInit_ex2(context, digest, nullptr) == 1, "OpenSSL has no SHA-256"); }

  EVP_MD_CTX* context;
  EVP_MD* digest;
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {}
Sha256Stream::~Sha256Stream() = default;

void Sha256Stream::Update(std::string_view bytes) {
  CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1, "SHA-256 update failed");
}

Hash32 Sha256Stream::Finish() {
  Hash32 hash;
  CHECK(EVP_DigestFinal_ex(state_->context, hash.data(), nullptr) == 1, "SHA-256 final failed");
  state_->Begin();
  return hash;
}

namespace {

Sha256Stream& ThreadStream() {
  thread_local Sha256Stream stream;
  return stream;
}

}  // namespace

Hash32 Sha256(std::string_view bytes) {
  ThreadStream().Update(bytes);
  return ThreadStream().Finish();
}

Hash32 Sha256(std::string_view first, std::string_view second) {
  ThreadStream().Update(first);
  ThreadStream().Update(second);
  return ThreadStream().Finish();
}

// OpenSSL's own looks its algorithms up by name on each call, which costs several times the hashes.
Hash32 HmacSha256(std::string_view key, std::string_view bytes) {
  constexpr size_t kBlockBytes = 64;
  constexpr char kInner = 0x36, kOuter = 0x5c;
  std::string pad(key);
  if (key.size() > kBlockBytes) pad = AsView(Sha256(key));
  pad.resize(kBlockBytes);
  for (char& byte : pad) byte ^= kInner;
  const Hash32 inner = Sha256(pad, bytes);
  for (char& byte : pad) byte ^= kInner ^ kOuter;
  return Sha256(pad, AsView(inner));
}

Hash32 MerkleLeafHash(std::string_view data) { return Sha256(std::string_view("\0", 1), data); }

Hash32 MerkleNodeHash(const Hash32& left, const Hash32& right) {
  char bytes[65];
  bytes[0] = 1;
  AsView(left).copy(bytes + 1, 32);
  AsView(right).copy(bytes + 33, 32);
  return Sha256(std::string_view(bytes, sizeof(bytes)));
}

}  // namespace beleg::wire
