// Ed25519 signatures (RFC 8032).
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "base/bytes.h"

namespace beleg::wire {

using Ed25519Signature = std::array<uint8_t, 64>;

// A signing key. Threads: any. Cost: 20 µs a signature.
class Ed25519Key {
 public:
  // seed: 32 secret random bytes; the same seed is the same key.
  static Result<std::unique_ptr<Ed25519Key>> FromSeed(const Hash32& seed);
  ~Ed25519Key();
  Ed25519Key(const Ed25519Key&) = delete;
  Ed25519Key& operator=(const Ed25519Key&) = delete;

  const Hash32& public_key() const { return public_key_; }
  Ed25519Signature Sign(std::string_view message) const;

 private:
  Ed25519Key() = default;
  std::array<uint8_t, 64> secret_{};
  Hash32 public_key_{};
};

// True if the signature is good for the message under this public key.
bool Ed25519Verify(const Hash32& public_key, std::string_view message, std::string_view signature);

}  // namespace beleg::wire
