// MirrorKeys: the keys under which one mirrored log's checkpoints count now. It begins with the pinned one and follows the log's own proofs
// (verify/key_chain.h).
//
// Trust:   a key that has signed no more counts no more: it may be in other hands.
// Threads: one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "store/mirror_copy.h"
#include "verify/note.h"
#include "verify/tiles.h"

namespace beleg::store {

class MirrorKeys {
 public:
  // Those that the copy knows.
  static Result<MirrorKeys> Of(const MirrorCopy& copy);

  const std::vector<verify::VerifierKey>& list() const { return keys_; }  // oldest first, never empty

  // A signature of the log's name under a key that is not here.
  bool HasUnknown(const verify::Note& note) const;
  // Asks the log for the proofs of newer keys. Those that lead on are given to `keep`, and count when that is ok. What does not come
  // now may be asked for again.
  using Keep = std::function<Result<void>(const std::vector<LogEdge::File>& proofs)>;
  void Learn(const verify::TileSource& log, const Keep& keep);
  // The checkpoint under the oldest of the keys that signed it; those before it are forgotten.
  Result<verify::Checkpoint> Open(const std::string& note);

 private:
  MirrorKeys(verify::VerifierKey pinned, std::vector<verify::VerifierKey> keys)
      : pinned_(std::move(pinned)), keys_(std::move(keys)) {}

  verify::VerifierKey pinned_;
  std::vector<verify::VerifierKey> keys_;
};

}  // namespace beleg::store
