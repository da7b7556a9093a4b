#include "wire/sha256.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

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

Hash32 HmacSha256(std::string_view key, std::string_view bytes) {
  Hash32 mac;
  unsigned length = 0;
  const auto* out = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                         reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), mac.data(), &length);
  CHECK(out != nullptr && length == mac.size(), "HMAC-SHA-256 failed");
  return mac;
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
