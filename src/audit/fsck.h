// `beleg audit fsck`: checks a whole log, its files and the records in them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "verify/fsck.h"

namespace beleg::audit {

struct FsckOptions {
  std::string place;  // folder or URL (log_source.h)
  std::string token;  // bearer for a URL
  std::string vkey;   // the log's key
};

struct FsckResult {
  verify::FsckReport log;
  std::map<std::string, uint64_t> records;  // how many of each type
  uint64_t newer_records = 0;  // of a schema version or type that this program does not know: not a finding
  std::vector<std::string> record_findings;  // no canonical records; the first kRecordFindingsMax
  uint64_t bad_records = 0;                  // all of them
  std::vector<std::string> key_findings;     // of the key, and of the proofs of changed keys
  std::string signer_text;     // how the checkpoint's key follows from the pinned one; "": it is that one
  uint64_t pruned_before = 0;  // what prune records of this log say: the entries before it were removed

  bool ok() const { return log.findings.empty() && key_findings.empty() && bad_records == 0; }
};

constexpr size_t kRecordFindingsMax = 100;

// The key may be any of the log's: those after and before it are found (verify/key_chain.h).
// Errors: kInvalidArgument (key, folder, URL), and the source's. What is wrong with the log is in the result.
Result<FsckResult> FsckLog(const FsckOptions& options);

std::string RenderText(const FsckOptions& options, const FsckResult& result);

}  // namespace beleg::audit
