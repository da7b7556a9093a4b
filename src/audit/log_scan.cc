#include "audit/log_scan.h"

#include <algorithm>

#include "audit/log_keys.h"
#include "audit/log_source.h"
#include "record/audit_record.h"
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

// The first entry that stays, when this is a prune record of the log; 0 else.
uint64_t PrunedBefore(const std::string& origin, std::string_view entry) {
  if (!entry.contains("\"type\":\"prune\"")) return 0;  // spares the decoding
  const auto record = record::Decode(entry);
  const auto* prune = record ? std::get_if<record::Prune>(&record->body) : nullptr;
  return prune != nullptr && prune->origin == origin ? prune->end_index : 0;
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
  uint64_t pruned_before = 0;
  const auto look = [&](uint64_t index, std::string_view entry) {
    key_check.Look(index, entry);
    pruned_before = std::max(pruned_before, PrunedBefore(scan.head.checkpoint.origin, entry));
    on_entry(index, entry);
  };
  TRY_ASSIGN(verify::FsckReport report,
             verify::Fsck(fixed, scan.head.signer.key, look, verify::MissingFront::kIsPruned));
  scan.findings = std::move(report.findings);
  scan.first_entry = report.first_entry;
  if (report.first_entry > pruned_before)
    scan.findings.push_back(fmt::format(
        "entries before {} are missing, and no prune record of this log says that they were removed",
        report.first_entry));
  if (!keys.damage.empty()) scan.findings.push_back(std::move(keys.damage));
  scan.findings.insert(scan.findings.end(), key_check.findings().begin(), key_check.findings().end());
  return scan;
}

Result<void> ExpectAllEntries(const LogPlace& place, const LogScan& scan) {
  if (scan.first_entry == 0 || !scan.findings.empty()) return {};
  return Fail(ErrorCode::kFailedPrecondition,
              "{}: the entries before {} were pruned here, as the log says, and all are wanted: ask its "
              "mirror, which has them",
              place.place, scan.first_entry);
}

}  // namespace beleg::audit
