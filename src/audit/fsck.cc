#include "audit/fsck.h"

#include "audit/log_source.h"
#include "audit/report_text.h"
#include "record/audit_record.h"

namespace beleg::audit {
namespace {

void CountRecord(FsckResult& result, uint64_t index, std::string_view entry) {
  auto record = record::Decode(entry);
  if (record) {
    ++result.records[std::string(record::TypeName(record->body))];
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
  TRY_ASSIGN(result.log, verify::Fsck(source, key, [&result](uint64_t index, std::string_view entry) {
               CountRecord(result, index, entry);
             }));
  return result;
}

std::string RenderText(const FsckOptions& options, const FsckResult& result) {
  const verify::Checkpoint& checkpoint = result.log.checkpoint;
  std::string out = fmt::format(
      "log         {}\norigin      {}\ncheckpoint  size {}, root {}\nentries     {}\n", options.place,
      checkpoint.origin, checkpoint.size, Base64Encode(AsView(checkpoint.root)), result.log.entries);
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
