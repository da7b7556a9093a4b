// A reader's durable place in the log: the index of the next leaf it has not dealt with.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "io/file.h"

namespace beleg::ledger {

// How far the entries of the log were pruned (ledger/prune.h): no reader, and no limit to the next prune.
inline constexpr std::string_view kPrunedCursor = "pruned";

class Cursor {
 public:
  // A file under DIR/cursors; starts at 0. What it says is durable. kDataLoss when its content is damaged.
  static Result<std::unique_ptr<Cursor>> Open(io::FileSystem& fs, const std::string& ledger_dir,
                                              const std::string& name);

  uint64_t next() const { return next_; }
  // Durable on return. Never goes back (CHECK).
  Result<void> Advance(uint64_t next);

 private:
  Cursor(io::FileSystem& fs, std::string path, uint64_t next)
      : fs_(fs), path_(std::move(path)), next_(next) {}
  io::FileSystem& fs_;
  std::string path_;
  uint64_t next_;
};

}  // namespace beleg::ledger
