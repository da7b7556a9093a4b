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
  std::string policy_file{};             // C2SP tlog-policy instead of all of these
};

// kInvalidArgument: a bad key or file, no log's key at all, a policy file beside other keys.
Result<verify::Policy> ReadPolicy(const PinnedKeys& keys);

}  // namespace beleg::audit
