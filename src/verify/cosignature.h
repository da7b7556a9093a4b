// Cosignatures of checkpoints (C2SP tlog-cosignature, Ed25519: "cosignature/v1", key type 0x04).
//
// A cosignature says: at this time, this was the largest tree of this log that the cosigner had seen, and it is consistent with all
// that it saw before. It is a line of the note like the log's own signature; its bytes are time (8, big-endian) ‖ signature (64).
// Keys: ParseVerifierKey(vkey, KeyType::kCosignatureV1).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "verify/note.h"

namespace beleg::verify {

// What is signed: two lines of header and the checkpoint's text, without its signatures.
std::string CosignedMessage(int64_t unix_s, std::string_view checkpoint_text);

// When `cosigner` cosigned the note: the newest of its cosignatures, unix seconds. kUnauthenticated: there is none of it.
// kDataLoss: one of them is bad.
Result<int64_t> CheckCosignature(const Note& note, const VerifierKey& cosigner);

}  // namespace beleg::verify
