// Which signatures make a checkpoint count: known logs, known witnesses, and how many of them must have cosigned.
//
// Shape:   C2SP tlog-policy: lines `log VKEY [URL]`, `witness NAME VKEY [URL]`, `group NAME K|any|all NAME…`, `quorum NAME|none`.
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

#include "verify/note.h"

namespace beleg::verify {

class Policy {
 public:
  static Result<Policy> Parse(std::string_view text);
  // `quorum` of these witnesses; 0: none is asked for. kInvalidArgument: more than there are, or a key twice.
  static Result<Policy> Make(std::vector<VerifierKey> logs, const std::vector<VerifierKey>& witnesses,
                             size_t quorum);

  const std::vector<VerifierKey>& logs() const { return logs_; }
  const VerifierKey* FindLog(std::string_view origin) const;  // null: unknown

  struct Cosigned {
    std::string witness;  // the key's name
    int64_t unix_s = 0;
  };
  struct Opened {
    Checkpoint checkpoint;
    std::vector<Cosigned> cosigned;  // by known witnesses; the signatures are good
    bool quorum_met = false;
  };
  Result<Opened> Open(std::string_view signed_note) const;

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

  std::vector<VerifierKey> logs_;
  std::vector<Node> nodes_;
  std::optional<size_t> quorum_;  // none: no cosignature is asked for
};

}  // namespace beleg::verify
