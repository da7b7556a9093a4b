// The mark of a restore in the ledger's folder: while one goes on nothing else may open the log, and the next boot puts it on record.
//
// Files: DIR/restoring, renamed to DIR/restored when it is done: "beleg-restore/v1 <size before> <size after>" and a newline.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "io/file.h"

namespace beleg::ledger {

struct RestoreMark {
  uint64_t from = 0, to = 0;  // sizes of the log
};

// nullopt: there is none. kDataLoss: the file is damaged.
Result<std::optional<RestoreMark>> ReadRestoring(io::FileSystem& fs, const std::string& dir);
Result<std::optional<RestoreMark>> ReadRestored(io::FileSystem& fs, const std::string& dir);

// Durable on return. A mark that is there already keeps its `from`, and its `to` if that is larger: the restore was cut short and goes on,
// and what another mirror had of this log must not be given up for a mirror that has less.
Result<void> MarkRestoring(io::FileSystem& fs, const std::string& dir, RestoreMark mark);
Result<void> MarkRestored(io::FileSystem& fs, const std::string& dir);
// After the boot that told of it.
Result<void> ForgetRestored(io::FileSystem& fs, const std::string& dir);

}  // namespace beleg::ledger
