// Who the log is: its key, its origin, its host's pseudonym. Made once, at inception.
//
// Files: DIR/key (0600, the private key as one line) and DIR/log.json (what is public); docs/formats/ledger.md.
#pragma once

#include <memory>
#include <string>

#include "base/rng.h"
#include "io/file.h"
#include "ledger/note_signer.h"

namespace beleg::ledger {

struct Identity {
  std::unique_ptr<NoteSigner> signer;  // its name is the origin
  std::string host;
};

// origin: "" makes a random one at inception, later it takes the one that is there. kFailedPrecondition when it is another one.
// kDataLoss when the log is there and its key is not, or they disagree. kPermissionDenied when others may read the key.
// kUnimplemented for a log of a newer format.
Result<Identity> OpenIdentity(io::FileSystem& fs, const std::string& dir, const std::string& origin,
                              Rng& rng);

// Puts the key of a log whose folder was lost into a new folder, durably. kAlreadyExists when another key is there.
Result<void> AdoptKey(io::FileSystem& fs, const std::string& dir, const std::string& line);

}  // namespace beleg::ledger
