// Compressor: gives the full entry bundles of closed days their compressed form, one a call.
//
// Shape:   a bundle whose every record is of a UTC day that is over, and that a checkpoint covers, becomes one zstd frame beside its
//          place; the plain form goes when that is on disk for good. Only what is right is touched: the entries are records with the
//          hashes of their tile, and the frame gives the same bytes again. What is not stays plain, and the log says why.
// Order:   written, synced, renamed, the folder synced, the plain one removed. So each bundle is there in at least one form wherever
//          this stops; the next look at the folder goes on.
// Errors:  kResourceExhausted: no room, the same bundle is tried again by the next call. Any other: a write or sync failed, and the
//          process must stop (ADR 0004). What cannot be read is no error.
// Threads: one. Others may write bundles that no checkpoint covers, and read all.
// Cost:    a call: one bundle read, hashed, compressed (a few ms for 256 records of 700 bytes), two syncs. A look at the whole folder
//          on the first call and after each midnight.
// Source:  docs/formats/ledger.md, ADR 0010.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "bundle/walk.h"
#include "io/file.h"

namespace beleg::bundle {

struct CompressorOptions {
  io::FileSystem* fs = nullptr;
  const Clock* clock = nullptr;
  std::string folder;              // has "tile/"
  std::function<uint64_t()> size;  // how many leaves the newest checkpoint covers
  // Called before the first file is compressed; where a log says that it has such files. Its errors are Step's.
  std::function<Result<void>()> before_first{};
};

class Compressor {
 public:
  explicit Compressor(CompressorOptions options) : options_(std::move(options)) {}

  enum class Did { kNothing, kLooked, kCompressed };
  // kNothing: all is done until the day is over.
  Result<Did> Step();

 private:
  // One look at the whole folder.
  struct Sweep {
    int64_t day = 0;  // what is before it is closed
    Walk walk;
    std::optional<Walk::Item> at{};  // not done yet
    uint64_t compressed = 0, bytes_before = 0, bytes_after = 0;
    uint64_t left = 0;  // plain, for something is wrong with them
  };
  void Begin(int64_t day);
  void End();
  // Moves to the next plain bundle that a checkpoint covers; false at the end.
  bool Advance();
  Result<Did> Handle(const std::string& name);
  // nullopt: it stays plain for now, or for a reason that was logged.
  std::optional<std::string> CompressedForm(const std::string& name, const std::string& plain);
  void Leave(const std::string& name, std::string_view why);
  std::string PathOf(const std::string& name) const { return options_.folder + "/tile/entries/" + name; }

  const CompressorOptions options_;
  std::optional<Sweep> sweep_;
  int64_t swept_day_ = -1;
  bool is_first_ = true;
};

}  // namespace beleg::bundle
