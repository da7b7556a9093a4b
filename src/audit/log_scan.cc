#include "audit/log_scan.h"

#include "audit/log_source.h"
#include "verify/fsck.h"

namespace beleg::audit {

bool LogPlace::is_url() const { return place.starts_with("http://") || place.starts_with("https://"); }

Result<verify::Policy::Opened> ReadHead(const LogPlace& place, const verify::Policy& policy) {
  TRY_ASSIGN(verify::TileSource source, OpenLogSource(place.place, place.token));
  TRY_ASSIGN(std::string note, source("checkpoint"));
  return policy.Open(note);
}

Result<LogScan> ScanLog(const LogPlace& place, const verify::Policy& policy,
                        const std::function<void(uint64_t index, std::string_view entry)>& on_entry) {
  TRY_ASSIGN(verify::TileSource source, OpenLogSource(place.place, place.token));
  if (place.is_url()) std::ignore = source("audit/tip");  // another log's server need not know it
  LogScan scan;
  TRY_ASSIGN(scan.head_note, source("checkpoint"));
  TRY_ASSIGN(scan.head, policy.Open(scan.head_note));
  // The log grows meanwhile: what is checked is this checkpoint, not whichever is there by then.
  const verify::TileSource fixed = [&](const std::string& path) {
    return path == "checkpoint" ? Result<std::string>(scan.head_note) : source(path);
  };
  TRY_ASSIGN(verify::FsckReport report,
             verify::Fsck(fixed, *policy.FindLog(scan.head.checkpoint.origin), on_entry));
  scan.findings = std::move(report.findings);
  return scan;
}

}  // namespace beleg::audit
