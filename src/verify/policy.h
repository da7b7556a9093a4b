// Which signatures make a checkpoint count: known logs, known witnesses, and how many of them must have cosigned.
//
// Shape:   C2SP tlog-policy: lines `log VKEY [URL]`, `witness NAME VKEY [URL]`, `group NAME K|any|all NAME…`, `quorum NAME|none`.
//          Several keys of one origin are keys of one log; each may sign.
// Errors:  Parse: kInvalidArgument names the line. Open: kUnauthenticated when no known log signed it, so nothing is shown;
//          kDataLoss when a signature of a known key is bad, or the note is no checkpoint of that log.
// Limits:  1 MB, 256 logs and names.
// Source:  https://c2sp.org/tlog-policy, tlog-cosignature.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "verify/key_chain.h"
#include "verify/note.h"

namespace beleg::verify {

class Policy {
 public:
  static Result<Policy> Parse(std::string_view text);
  // `quorum` of these witnesses; 0: none is asked for. kInvalidArgument: more than there are, or a key twice.
  static Result<Policy> Make(std::vector<VerifierKey> logs, const std::vector<VerifierKey>& witnesses,
                             size_t quorum);

  // The pinned keys, each with what follows from it.
  const std::vector<KeyChain>& logs() const { return logs_; }
  bool KnowsLog(std::string_view origin) const;
  // KeyChain::Has, of any of them.
  bool Has(const KeyProof& proof) const;
  // From here on the keys that follow by these proofs count as well (KeyChain::Extend), for each log.
  Result<void> LearnKeys(const std::vector<KeyProof>& proofs);

  struct Cosigned {
    std::string witness;  // the key's name
    int64_t unix_s = 0;
  };
  struct Opened {
    Checkpoint checkpoint;
    LogKey signer;                   // the newest of the log's keys that signed it
    std::vector<Cosigned> cosigned;  // by known witnesses; the signatures are good
    bool quorum_met = false;
  };
  Result<Opened> Open(std::string_view signed_note) const;
  // The key of its log that signed it. kUnauthenticated: the log is unknown; kDataLoss: none of its known keys did.
  Result<LogKey> SignerOf(const Receipt& receipt) const;

 private:
  // A witness, or a group of nodes that stand before it.
  struct Node {
    std::string name;
    std::optional<VerifierKey> witness{};
    size_t threshold = 0;
    std::vector<size_t> members{};
    bool is_member = false;  // of a group: at most once
  };
  friend class PolicyReader;

  Result<void> AddLog(VerifierKey key);
  Result<void> AddNode(Node node);
  std::optional<size_t> FindNode(std::string_view name) const;
  Result<LogKey> SignerOf(std::string_view signed_note, std::string_view origin) const;
  std::vector<LogKey> KeysOf(std::string_view origin) const;  // newest of each chain first

  std::vector<KeyChain> logs_;
  std::vector<Node> nodes_;
  std::optional<size_t> quorum_;  // none: no cosignature is asked for
};

}  // namespace beleg::verify
