// Cosigner: a key that cosigns checkpoints, made once and kept in a file.
//
// Shape:   one line "PRIVATE+KEY+name+id+base64(0x01 ‖ seed)", mode 0600 (docs/formats/witness.md).
// Threads: any.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/rng.h"
#include "io/file.h"
#include "verify/note.h"
#include "wire/ed25519.h"

namespace beleg::witness {

class Cosigner {
 public:
  // Reads the key, or makes it when there is none; a name of "" then becomes default_prefix and 16 random hex digits. name: "" or
  // the key's, else kFailedPrecondition. kDataLoss: the file is no key. kPermissionDenied: others than its owner have rights to it.
  static Result<std::unique_ptr<Cosigner>> Open(io::FileSystem& fs, const std::string& path,
                                                const std::string& name, std::string_view default_prefix,
                                                Rng& rng);

  const verify::VerifierKey& key() const { return key_; }
  // "name+id+base64(0x04 ‖ public key)"
  std::string vkey() const {
    return verify::FormatVerifierKey(key_.name, key_.public_key, verify::KeyType::kCosignatureV1);
  }
  // The signature line for a checkpoint's text, with its newline. unix_s > 0 (CHECK).
  std::string Cosign(std::string_view checkpoint_text, int64_t unix_s) const;

 private:
  Cosigner(std::string name, std::unique_ptr<wire::Ed25519Key> signing);
  const std::unique_ptr<wire::Ed25519Key> signing_;
  const verify::VerifierKey key_;
};

}  // namespace beleg::witness
