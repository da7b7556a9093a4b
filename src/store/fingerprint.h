// A short name for bytes: the first 16 of their SHA-256, so what is equal in all its bytes has the same.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "wire/sha256.h"

namespace beleg::store {

using Fingerprint = std::array<uint8_t, 16>;

inline Fingerprint FingerprintOf(std::string_view first, std::string_view second = {}) {
  const Hash32 hash = wire::Sha256(first, second);
  Fingerprint out;
  std::copy_n(hash.begin(), out.size(), out.begin());
  return out;
}

struct FingerprintHash {
  size_t operator()(const Fingerprint& fingerprint) const {
    size_t out;  // the bytes are a hash already
    std::memcpy(&out, fingerprint.data(), sizeof(out));
    return out;
  }
};

}  // namespace beleg::store
