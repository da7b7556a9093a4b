// `beleg audit verify`: checks proofs and receipts that were kept as files, offline.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace beleg::audit {

struct VerifyOptions {
  std::vector<std::string> files;  // .tlog-proof files, and files with receipts
  std::string vkey;                // the log's key
  // File with the entry's exact bytes. "": for X.tlog-proof the file X.json beside it, as `prove` writes it.
  std::string entry;
};

struct VerifiedItem {
  std::string file;
  bool ok = false;
  std::string text;  // what was shown, or what is wrong
};

struct VerifyResult {
  std::vector<VerifiedItem> items;
  bool ok() const;  // at least one, and all good
};

// A file is a tlog-proof (its first line says so) or text with receipts: each line's part from "v1." on, so that headers
// ("Audit-Finish: v1.…") and SSE comments can be kept as they came.
// Errors: kInvalidArgument (key, no such file) and the file system's; what does not hold is in the result.
Result<VerifyResult> VerifyFiles(const VerifyOptions& options);

std::string RenderText(const VerifyResult& result);

}  // namespace beleg::audit
