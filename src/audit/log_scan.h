// A whole log, read once from its first entry to its last and checked on the way.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "verify/policy.h"
#include "verify/tiles.h"

namespace beleg::audit {

struct LogPlace {
  std::string place;  // folder or URL (log_source.h)
  std::string token;  // bearer for a URL

  bool is_url() const;
};

struct LogScan {
  verify::Policy::Opened head;        // the checkpoint that the scan was made under
  std::string head_note;              // its bytes
  std::vector<std::string> findings;  // what is wrong with entries, tiles or root; empty: the log is whole
  // Entries before it were pruned from this place, as a record of the log says: their hashes alone were read.
  uint64_t first_entry = 0;
};

// The newest checkpoint, opened under the policy's keys and those that the log leads to from them (log_keys.h). Errors: as ScanLog.
Result<verify::Policy::Opened> ReadHead(const LogPlace& place, const verify::Policy& policy);

// A log behind a URL is asked first to cover all that is durable (GET audit/tip), if it knows that path.
// on_entry gets every entry that is there in order of index, before the root is checked: believe it when findings are empty.
// Errors: as OpenLogSource and Policy::Open of its checkpoint; kDataLoss also when none of the log's keys signed it, or one alone that was
// replaced before; kNotFound when it has none.
// Cost: reads everything; memory is one tile a level.
Result<LogScan> ScanLog(const LogPlace& place, const verify::Policy& policy,
                        const std::function<void(uint64_t index, std::string_view entry)>& on_entry);

// For who has to have seen every entry: kFailedPrecondition when some were pruned.
Result<void> ExpectAllEntries(const LogPlace& place, const LogScan& scan);

}  // namespace beleg::audit
