// KeptReceipts: a folder of what clients kept, judged by a log.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "audit/resolve.h"

namespace beleg::audit {

class KeptReceipts {
 public:
  // Every receipt in a file, or in the files of a folder and the folders in it. One that is not signed by a known key is judged at once.
  // Errors: the file system's; kInvalidArgument: more than kReceiptsMax.
  Result<void> Read(const std::string& path, const verify::Policy& policy);

  // The log's entries in order, then its end; as Resolver.
  void Look(uint64_t index, std::string_view entry) {
    if (!kept_.empty()) resolver_.Look(index, entry);
  }
  void EndScan(LogScan log, int64_t looked_unix_us) { resolver_.EndScan(std::move(log), looked_unix_us); }

  size_t size() const { return kept_.size() + judged_.size(); }
  // File and judgement of each.
  std::vector<std::pair<std::string, Judgement>> Judge() const;

 private:
  Result<void> ReadFile(const std::string& path, const verify::Policy& policy);

  struct Kept {
    std::string file;
    verify::Receipt receipt;
    std::string caveat;  // that its key had been replaced; "" else
  };

  std::vector<Kept> kept_;
  std::vector<std::pair<std::string, Judgement>> judged_;
  Resolver resolver_;
};

constexpr size_t kReceiptsMax = 10'000'000;

}  // namespace beleg::audit
