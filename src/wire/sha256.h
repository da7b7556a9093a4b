// SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104).
#pragma once

#include <memory>
#include <string_view>

#include "base/bytes.h"

namespace beleg::wire {

Hash32 Sha256(std::string_view bytes);

// The hash of two pieces put together, without putting them together.
Hash32 Sha256(std::string_view first, std::string_view second);

Hash32 HmacSha256(std::string_view key, std::string_view bytes);

// A running hash for what does not fit in memory, such as a model file.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;

  void Update(std::string_view bytes);
  // Ends the hash; the object is then empty and may be used anew.
  Hash32 Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// RFC 6962 §2.1, the hashes of every Merkle tree here: leaf = SHA-256(0x00 ‖ data), node = SHA-256(0x01 ‖ l ‖ r).
Hash32 MerkleLeafHash(std::string_view data);
Hash32 MerkleNodeHash(const Hash32& left, const Hash32& right);

}  // namespace beleg::wire
