// Signed notes (C2SP signed-note) with Ed25519 (type 0x01), and checkpoints (C2SP tlog-checkpoint) in them. Cosignatures (type 0x04)
// are in verify/cosignature.h.
// Written from the specification; nothing here is shared with ledger/ but hashing and the signature primitive.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace beleg::verify {

// The algorithm byte of a key. One key under two types has two ids, so the one is never taken for the other.
enum class KeyType : char { kEd25519 = 0x01, kCosignatureV1 = 0x04 };

// A verifier key: "name+hex(keyID)+base64(type ‖ public key)".
struct VerifierKey {
  std::string name;
  uint32_t id = 0;
  Hash32 public_key{};
};
// kInvalidArgument when the form, the type, or the key id is wrong.
Result<VerifierKey> ParseVerifierKey(std::string_view vkey, KeyType type = KeyType::kEd25519);
std::string FormatVerifierKey(std::string_view name, const Hash32& public_key,
                              KeyType type = KeyType::kEd25519);
// First 4 bytes of SHA-256(name ‖ "\n" ‖ type ‖ public key).
uint32_t KeyIdOf(std::string_view name, const Hash32& public_key, KeyType type = KeyType::kEd25519);
// True for what may be a key's name: not empty, UTF-8, no space, no '+'.
bool IsKeyName(std::string_view name);

struct NoteSignature {
  std::string name;
  uint32_t key_id = 0;
  std::string bytes;
};
// "— name base64(key id ‖ bytes)\n"
std::string FormatSignature(const NoteSignature& signature);
struct Note {
  std::string text;  // ends with a newline
  std::vector<NoteSignature> signatures;
};
// kDataLoss names the line that is wrong. Limits: 1 MB, 100 signatures.
Result<Note> ParseNote(std::string_view bytes);
// The note's text if at least one signature of `key` is good; kDataLoss when a signature of that key is bad,
// kUnauthenticated when there is none of it.
Result<std::string> OpenNote(std::string_view bytes, const VerifierKey& key);

struct Checkpoint {
  std::string origin;
  uint64_t size = 0;
  Hash32 root{};
  bool operator==(const Checkpoint&) const = default;
};
Result<Checkpoint> ParseCheckpoint(std::string_view note_text);
// OpenNote, ParseCheckpoint, and origin == key.name.
Result<Checkpoint> OpenCheckpoint(std::string_view bytes, const VerifierKey& key);

}  // namespace beleg::verify
