#include "audit/fsck.h"

#include "audit/log_keys.h"
#include "audit/log_source.h"
#include "audit/report_text.h"
#include "record/audit_record.h"

namespace beleg::audit {
namespace {

void CountRecord(FsckResult& result, const std::string& origin, uint64_t index, std::string_view entry) {
  auto record = record::Decode(entry);
  if (record) {
    ++result.records[std::string(record::TypeName(record->body))];
    const auto* prune = std::get_if<record::Prune>(&record->body);
    if (prune != nullptr && prune->origin == origin)
      result.pruned_before = std::max(result.pruned_before, prune->end_index);
  } else if (record.error().code == ErrorCode::kUnimplemented) {
    ++result.newer_records;
  } else if (++result.bad_records <= kRecordFindingsMax) {
    result.record_findings.push_back(fmt::format("entry {}: no record: {}", index, record.error().message));
  }
}

// Which key the checkpoint is checked with: the newest that signed it, of those the pinned one leads to; that one when none did.
verify::VerifierKey SignerOf(const verify::TileSource& source, const LogKeys& keys, FsckResult& result) {
  const verify::VerifierKey& pinned = keys.policy.logs()[0].pinned();
  auto note = source("checkpoint");
  if (!note) return pinned;  // the log's own check says so
  const auto head = keys.policy.Open(*note);
  if (!head) return pinned;
  const bool counts = head->signer.CountsFor(head->checkpoint);
  result.signer_text = SignerText(keys.policy, head->signer, counts);
  if (!counts) result.key_findings.push_back("checkpoint" + result.signer_text);
  return head->signer.key;
}

}  // namespace

Result<FsckResult> FsckLog(const FsckOptions& options) {
  TRY_ASSIGN(const verify::VerifierKey pinned, verify::ParseVerifierKey(options.vkey));
  TRY_ASSIGN(verify::TileSource source, OpenLogSource(options.place, options.token));
  TRY_ASSIGN(verify::Policy policy, verify::Policy::Make({pinned}, {}, 0));
  TRY_ASSIGN(LogKeys keys, ReadLogKeys(source, std::move(policy)));
  FsckResult result;
  if (!keys.damage.empty()) result.key_findings.push_back(keys.damage);
  const verify::VerifierKey signer = SignerOf(source, keys, result);
  KeyProofCheck key_check(std::move(keys.proofs));
  const auto look = [&](uint64_t index, std::string_view entry) {
    CountRecord(result, signer.name, index, entry);
    key_check.Look(index, entry);
  };
  TRY_ASSIGN(result.log, verify::Fsck(source, signer, look, verify::MissingFront::kIsPruned));
  for (const std::string& finding : key_check.findings()) result.key_findings.push_back(finding);
  if (const uint64_t first = result.log.first_entry; first > result.pruned_before)
    result.log.findings.push_back(fmt::format(
        "entries before {} are missing, and no prune record of this log says that they were removed", first));
  return result;
}

std::string RenderText(const FsckOptions& options, const FsckResult& result) {
  const verify::Checkpoint& checkpoint = result.log.checkpoint;
  std::string out = fmt::format(
      "log         {}\norigin      {}\ncheckpoint  size {}, root {}\nentries     {}\n", options.place,
      checkpoint.origin, checkpoint.size, Base64Encode(AsView(checkpoint.root)), result.log.entries);
  if (!result.signer_text.empty()) out += fmt::format("key         {}\n", result.signer_text.substr(2));
  if (result.log.first_entry > 0)
    out += fmt::format("from        {}; the entries before were pruned, their hashes are here\n",
                       result.log.first_entry);
  for (const auto& [type, count] : result.records) out += fmt::format("  {:<10}{}\n", type, count);
  if (result.newer_records > 0)
    out += fmt::format("  {:<10}{} (newer than this program)\n", "unknown", result.newer_records);
  for (const std::string& finding : result.log.findings) out += "FOUND  " + OneLine(finding) + "\n";
  for (const std::string& finding : result.key_findings) out += "FOUND  " + OneLine(finding) + "\n";
  for (const std::string& finding : result.record_findings) out += "FOUND  " + OneLine(finding) + "\n";
  if (result.bad_records > result.record_findings.size())
    out += fmt::format("FOUND  {} more entries that are no records\n",
                       result.bad_records - result.record_findings.size());
  return out + (result.ok() ? "OK: every entry, tile, root and signature is right\n" : "FAILED\n");
}

}  // namespace beleg::audit
