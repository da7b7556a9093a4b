// Signs notes with the log's key (C2SP signed-note, Ed25519, type 0x01).
//
// Threads: any. Cost: 50 µs a signature.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/ed25519.h"

namespace beleg::ledger {

class NoteSigner {
 public:
  // name: the log's origin; printable ASCII without space and plus (kInvalidArgument).
  static Result<std::unique_ptr<NoteSigner>> Make(std::string name, const Hash32& seed);

  const std::string& name() const { return name_; }
  // "name+hex(key id)+base64(0x01 ‖ public key)"
  const std::string& vkey() const { return vkey_; }
  // "PRIVATE+KEY+name+hex(key id)+base64(0x01 ‖ seed)", the form of Go's note package.
  std::string PrivateKey() const;
  // The seed and name of such a line; kDataLoss when it is none.
  static Result<std::unique_ptr<NoteSigner>> FromPrivateKey(std::string_view line);

  // The whole note: text, blank line, signature line. text ends with a newline (CHECK).
  std::string SignNote(std::string_view text) const;
  // The last of these lines alone, with its newline.
  std::string SignatureLine(std::string_view text) const;
  // The signature's 64 bytes alone.
  wire::Ed25519Signature Sign(std::string_view text) const { return key_->Sign(text); }

 private:
  NoteSigner(std::string name, const Hash32& seed, std::unique_ptr<wire::Ed25519Key> key);

  const std::string name_;
  const Hash32 seed_;
  std::string key_id_;  // 4 bytes
  std::string vkey_;
  const std::unique_ptr<wire::Ed25519Key> key_;
};

}  // namespace beleg::ledger
