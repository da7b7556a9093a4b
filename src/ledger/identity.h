// Who the log is: its key and those before it, its origin, its host's pseudonym. The first key is made once, at inception; rotation.h
// changes it.
//
// Files: DIR/key (0600, the private key as one line), DIR/log.json (what is public), DIR/key.<key id> (0600, a former key while its
//        overlap lasts), DIR/key.next (0600, of a rotation under way); docs/formats/ledger.md.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "io/file.h"
#include "ledger/note_signer.h"

namespace beleg::ledger {

// A key that signed before.
struct OldKey {
  std::string vkey;
  int64_t until_us = 0;                // until then it signs checkpoints too (unix time)
  std::unique_ptr<NoteSigner> signer;  // null: its private part is destroyed
};

struct Identity {
  std::unique_ptr<NoteSigner> signer;  // its name is the origin
  std::string host;
  std::vector<OldKey> old_keys;  // oldest first
};

// origin: "" makes a random one at inception, later it takes the one that is there. kFailedPrecondition when it is another one.
// A rotation that was cut short after its last word is brought to its end.
// kDataLoss when the log is there and its key is not, or they disagree. kPermissionDenied when others may read a key.
// kUnimplemented for a log of a newer format.
Result<Identity> OpenIdentity(io::FileSystem& fs, const std::string& dir, const std::string& origin,
                              Rng& rng);

// Puts the key of a log whose folder was lost into a new folder, durably. kAlreadyExists when another key is there.
Result<void> AdoptKey(io::FileSystem& fs, const std::string& dir, const std::string& line);

// The key that shall be next, made when there is none yet; its name is the origin.
Result<std::unique_ptr<NoteSigner>> PrepareNextKey(io::FileSystem& fs, const std::string& dir,
                                                   const std::string& origin, Rng& rng);
// Makes the prepared key the log's; the present one signs checkpoints with it until until_us. Durable on return.
Result<void> TakeNextKey(io::FileSystem& fs, const std::string& dir, const Identity& identity,
                         int64_t until_us);
// Says in log.json whether entry bundles may be compressed: a program that reads plain ones alone refuses the log then. Durable on
// return.
Result<void> SetHasCompressedBundles(io::FileSystem& fs, const std::string& dir, bool has_compressed);
// DIR/public/keys/NNN.tlog-proof: how the log's key changed, from 1 on.
std::string KeyProofPath(const std::string& dir, size_t number);

// Whether TakeNextKey was cut short; the next OpenIdentity ends it.
Result<bool> IsNextKeyTaken(io::FileSystem& fs, const std::string& dir);
// Destroys the private parts of former keys whose time is over, once a checkpoint has the present key's signature.
void ForgetExpiredKeys(io::FileSystem& fs, const std::string& dir, Identity& identity, int64_t now_us);

}  // namespace beleg::ledger
