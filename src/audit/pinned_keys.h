// The keys that a person trusts, as the commands take them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "verify/policy.h"

namespace beleg::audit {

struct PinnedKeys {
  std::vector<std::string> vkeys{};      // of logs
  std::vector<std::string> witnesses{};  // of witnesses (C2SP cosignature/v1)
  std::optional<size_t> quorum{};        // how many of them must have cosigned; all, unless said
  std::string policy_file{};             // C2SP tlog-policy instead of these three
  std::vector<std::string>
      key_proofs{};  // files, folders or URLs with proofs of changed keys (log_keys.h), which lead on from those
  std::string token{};  // bearer for such a URL
};

// kInvalidArgument: a bad key or file, no log's key at all, a policy file beside other keys. kDataLoss: a proof of a changed key is wrong.
// A URL's errors.
Result<verify::Policy> ReadPolicy(const PinnedKeys& keys);

}  // namespace beleg::audit
