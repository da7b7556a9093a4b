// A log's keys, from the one that somebody pinned to the one that signs now: each is named by a record of the log that the key before
// it vouched for (docs/formats/ledger.md, "Keys").
//
// Source files: keys/001.tlog-proof, keys/002.tlog-proof, …: C2SP tlog-proofs whose extra data is the key record.
#pragma once

#include <vector>

#include "verify/note.h"
#include "verify/tiles.h"

namespace beleg::verify {

// pinned, then each key that follows from it. kDataLoss names the file that is wrong; the source's errors.
Result<std::vector<VerifierKey>> FollowKeys(const TileSource& source, const VerifierKey& pinned);

// The first of these keys that signed the log's checkpoint: pinned itself while it does. pinned when none did, so that the
// checkpoint's own check tells what is wrong.
Result<VerifierKey> KeyOfCheckpoint(const TileSource& source, const VerifierKey& pinned);

}  // namespace beleg::verify
