#include "audit/log_scan.h"

#include "audit/log_keys.h"
#include "audit/log_source.h"
#include "verify/fsck.h"

namespace beleg::audit {
namespace {

// A known log must be signed by a key that is known and counts; else somebody else wrote it.
Result<verify::Policy::Opened> OpenHead(const std::string& note, const verify::Policy& policy) {
  auto head = policy.Open(note);
  if (head && !head->signer.CountsFor(head->checkpoint))
    return Fail(ErrorCode::kDataLoss, "checkpoint of size {}{}", head->checkpoint.size,
                SignerText(policy, head->signer, false));
  if (head || head.error().code != ErrorCode::kUnauthenticated) return head;
  const std::string known = KnownKeysTextOf(policy, note);
  if (known.empty()) return head;  // another log than the one whose key was given
  return Fail(ErrorCode::kDataLoss, "{}{}", head.error().message, known);
}

}  // namespace

bool LogPlace::is_url() const { return place.starts_with("http://") || place.starts_with("https://"); }

Result<verify::Policy::Opened> ReadHead(const LogPlace& place, const verify::Policy& policy) {
  TRY_ASSIGN(verify::TileSource source, OpenLogSource(place.place, place.token));
  TRY_ASSIGN(const LogKeys keys, ReadLogKeys(source, policy));
  TRY_ASSIGN(std::string note, source("checkpoint"));
  return OpenHead(note, keys.policy);
}

Result<LogScan> ScanLog(const LogPlace& place, const verify::Policy& policy,
                        const std::function<void(uint64_t index, std::string_view entry)>& on_entry) {
  TRY_ASSIGN(verify::TileSource source, OpenLogSource(place.place, place.token));
  if (place.is_url()) std::ignore = source("audit/tip");  // another log's server need not know it
  LogScan scan;
  TRY_ASSIGN(LogKeys keys, ReadLogKeys(source, policy));
  TRY_ASSIGN(scan.head_note, source("checkpoint"));
  auto head = OpenHead(scan.head_note, keys.policy);
  if (!head && !keys.damage.empty()) return Fail(ErrorCode::kDataLoss, "{}", keys.damage);
  TRY_ASSIGN(scan.head, std::move(head));
  // The log grows meanwhile: what is checked is this checkpoint, not whichever is there by then.
  const verify::TileSource fixed = [&](const std::string& path) {
    return path == "checkpoint" ? Result<std::string>(scan.head_note) : source(path);
  };
  KeyProofCheck key_check(std::move(keys.proofs));
  TRY_ASSIGN(verify::FsckReport report,
             verify::Fsck(fixed, scan.head.signer.key, [&](uint64_t index, std::string_view entry) {
               key_check.Look(index, entry);
               on_entry(index, entry);
             }));
  scan.findings = std::move(report.findings);
  if (!keys.damage.empty()) scan.findings.push_back(std::move(keys.damage));
  scan.findings.insert(scan.findings.end(), key_check.findings().begin(), key_check.findings().end());
  return scan;
}

}  // namespace beleg::audit
