#include "wire/ed25519.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace beleg::wire {
namespace {

const uint8_t* Bytes(std::string_view view) { return reinterpret_cast<const uint8_t*>(view.data()); }

}  // namespace

struct Ed25519Key::Handle {
  explicit Handle(EVP_PKEY* pkey) : key(pkey) {}
  ~Handle() { EVP_PKEY_free(key); }
  EVP_PKEY* key;
};

Ed25519Key::Ed25519Key(std::unique_ptr<Handle> handle, const Hash32& public_key)
    : handle_(std::move(handle)), public_key_(public_key) {}
Ed25519Key::~Ed25519Key() = default;

Result<std::unique_ptr<Ed25519Key>> Ed25519Key::FromSeed(const Hash32& seed) {
  auto handle = std::make_unique<Handle>(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
  if (handle->key == nullptr) return Fail(ErrorCode::kInternal, "OpenSSL refuses an Ed25519 key");
  Hash32 public_key;
  size_t length = public_key.size();
  if (EVP_PKEY_get_raw_public_key(handle->key, public_key.data(), &length) != 1 ||
      length != public_key.size())
    return Fail(ErrorCode::kInternal, "OpenSSL gives no Ed25519 public key");
  return std::unique_ptr<Ed25519Key>(new Ed25519Key(std::move(handle), public_key));
}

Ed25519Signature Ed25519Key::Sign(std::string_view message) const {
  Ed25519Signature signature;
  size_t length = signature.size();
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  bool ok = EVP_DigestSignInit(context, nullptr, nullptr, nullptr, handle_->key) == 1 &&
            EVP_DigestSign(context, signature.data(), &length, Bytes(message), message.size()) == 1;
  EVP_MD_CTX_free(context);
  CHECK(ok && length == signature.size(), "Ed25519 signing failed");
  return signature;
}

bool Ed25519Verify(const Hash32& public_key, std::string_view message, std::string_view signature) {
  EVP_PKEY* key =
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, public_key.data(), public_key.size());
  if (key == nullptr) return false;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  bool ok =
      EVP_DigestVerifyInit(context, nullptr, nullptr, nullptr, key) == 1 &&
      EVP_DigestVerify(context, Bytes(signature), signature.size(), Bytes(message), message.size()) == 1;
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
  return ok;
}

}  // namespace beleg::wire
