#include "audit/fsck.h"

#include "audit/log_source.h"
#include "audit/report_text.h"
#include "record/audit_record.h"
#include "verify/key_chain.h"

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

}  // namespace

Result<FsckResult> FsckLog(const FsckOptions& options) {
  TRY_ASSIGN(verify::VerifierKey key, verify::ParseVerifierKey(options.vkey));
  TRY_ASSIGN(verify::TileSource source, OpenLogSource(options.place, options.token));
  FsckResult result;
  TRY_ASSIGN(key, verify::KeyOfCheckpoint(source, key));
  const auto count = [&](uint64_t index, std::string_view entry) {
    CountRecord(result, key.name, index, entry);
  };
  TRY_ASSIGN(result.log, verify::Fsck(source, key, count, verify::MissingFront::kIsPruned));
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
  if (result.log.first_entry > 0)
    out += fmt::format("from        {}; the entries before were pruned, their hashes are here\n",
                       result.log.first_entry);
  for (const auto& [type, count] : result.records) out += fmt::format("  {:<10}{}\n", type, count);
  if (result.newer_records > 0)
    out += fmt::format("  {:<10}{} (newer than this program)\n", "unknown", result.newer_records);
  for (const std::string& finding : result.log.findings) out += "FOUND  " + OneLine(finding) + "\n";
  for (const std::string& finding : result.record_findings) out += "FOUND  " + OneLine(finding) + "\n";
  if (result.bad_records > result.record_findings.size())
    out += fmt::format("FOUND  {} more entries that are no records\n",
                       result.bad_records - result.record_findings.size());
  return out + (result.ok() ? "OK: every entry, tile, root and signature is right\n" : "FAILED\n");
}

}  // namespace beleg::audit
