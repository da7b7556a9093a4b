// `beleg audit verify`: checks proofs, receipts and checkpoints that were kept as files: offline, or against a log.
#pragma once

#include <string>
#include <vector>

#include "audit/log_scan.h"
#include "audit/verdict.h"
#include "base/clock.h"
#include "verify/policy.h"

namespace beleg::audit {

struct VerifyOptions {
  std::vector<std::string> files;  // or folders of them (bundles)
  verify::Policy policy;           // the keys that count (pinned_keys.h)
  // File with the entry's exact bytes. "": for X.tlog-proof the file X.json beside it, as `prove` writes it.
  std::string entry;
  LogPlace against{};  // the log that receipts, proofs and checkpoints are compared with; place "": none
  const Clock* clock = nullptr;  // null: the host's
};

struct VerifiedItem {
  std::string file;
  Judgement judgement;
};

struct VerifyResult {
  std::vector<VerifiedItem> items;
  std::vector<std::string> skipped;  // files in folders that are no evidence, nor the entry of a proof
  // The worst of all; kUnknown when there is none.
  Verdict verdict() const;
};

// What a file is, its content says: a tlog-proof (also by its name), a checkpoint, or any text with receipts in it
// ("Audit-Finish: v1.…", an SSE comment, JSON), so that they can be kept as they came. A folder that holds a log ("checkpoint",
// "tile/") is checked as a whole; of another one each file that is one of these. Proofs of changed keys (files with key records, or a
// log's keys/) count for all that is checked with them, in whatever order they come. All of it is held against each other as well: two signed statements
// that cannot both be true are bad.
// Errors: kInvalidArgument (no such file) and the file system's; what does not hold is in the result.
Result<VerifyResult> VerifyFiles(const VerifyOptions& options);

std::string RenderText(const VerifyResult& result);

}  // namespace beleg::audit
