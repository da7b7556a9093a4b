#include "audit/reconcile.h"

#include <memory>
#include <optional>

#include "audit/kept_receipts.h"
#include "audit/log_keys.h"
#include "audit/report_text.h"
#include "audit/server_counters.h"
#include "audit/span_sender.h"
#include "audit/store_comparison.h"

namespace beleg::audit {
namespace {

constexpr std::chrono::milliseconds kTimeout{60'000};

// One run; its steps are in the order in which they happen.
class Run {
 public:
  explicit Run(const ReconcileOptions& options) : options_(options) {}

  Result<ReconcileReport> Compare() {
    TRY(Open());
    TRY(CountBefore());
    TRY(ReadLog());
    TRY(CompareWithServer());
    TRY(CompareWithStore());
    JudgeReceipts();
    if (const int64_t count = accounts_.unrecorded(); count > 0)
      Note(fmt::format("{} requests were answered or refused without a record, as `unrecorded` records say",
                       count));
    for (Finding& finding : accounts_.Findings()) Find(std::move(finding));
    if (report_.findings.size() > kReconcileFindingsMax) report_.findings.resize(kReconcileFindingsMax);
    TRY(PutOnRecord());
    return std::move(report_);
  }

 private:
  Result<void> Open();
  Result<void> CountBefore();
  Result<void> ReadLog();
  void Look(uint64_t index, std::string_view entry);
  Result<void> CompareWithServer();
  Result<void> CompareWithStore();
  void JudgeReceipts();
  Result<void> PutOnRecord();

  void Find(Finding finding) {
    record::Gaps& gaps = report_.record.gaps;
    if (finding.kind == "log_damage") ++gaps.log_damage;
    if (finding.kind == "seq_holes") ++gaps.seq_holes;
    if (finding.kind == "counters") ++gaps.counters;
    if (finding.kind == "metrics") ++gaps.metrics;
    if (finding.kind == "receipts_without_record") ++gaps.receipts_without_record;
    report_.findings.push_back(std::move(finding));
  }
  void Note(std::string text) { report_.notes.push_back(std::move(text)); }

  const ReconcileOptions& options_;
  ReconcileReport report_;
  RequestAccounts accounts_;
  KeptReceipts receipts_;
  std::unique_ptr<WebClient> serve_, store_;
  std::optional<ServerCounters> before_;
  std::optional<StoreComparison> comparison_;
  std::optional<SpanSender> sender_;
};

Result<void> Run::Open() {
  if (!options_.serve_url.empty()) {
    TRY_ASSIGN(serve_, WebClient::Open(options_.serve_url, "", kTimeout));
  }
  if (!options_.store_url.empty()) {
    TRY_ASSIGN(store_, WebClient::Open(options_.store_url, options_.store_api_key, kTimeout));
  }
  if (!options_.receipts.empty()) {
    TRY_ASSIGN(const verify::Policy learned, LearnKeysAt(options_.log, options_.policy));
    auto read = receipts_.Read(options_.receipts, learned);
    if (!read) return Fail(ErrorCode::kInvalidArgument, "receipts: {}", read.error().message);
    if (receipts_.size() == 0) Note(fmt::format("{}: no receipt in it", options_.receipts));
  }
  if (!serve_) Note("/metrics were not compared: no server was named");
  if (!store_) Note("spans were not compared, and nothing is put on record: no store was named");
  return {};
}

Result<void> Run::CountBefore() {
  if (!serve_) return {};
  TRY_ASSIGN(before_, FetchCounters(*serve_));
  return {};
}

Result<void> Run::ReadLog() {
  // The origin of the store's rows has to be known before the first entry is looked at.
  if (store_) {
    TRY_ASSIGN(auto head, ReadHead(options_.log, options_.policy));
    const std::string& origin = head.checkpoint.origin;
    if (!options_.resend_url.empty()) {
      sender_.emplace(origin, options_.semconv);
      TRY(sender_->Open(options_.resend_url));
    }
    comparison_.emplace(*store_, origin, [this](uint64_t index, std::string_view leaf) {
      return sender_ ? sender_->Send(index, leaf) : Result<void>();
    });
  }
  const SystemClock system_clock;
  const Clock& clock = options_.clock != nullptr ? *options_.clock : system_clock;
  const int64_t looked_unix_us = options_.log.is_url() ? clock.UnixMicros() : 0;
  TRY_ASSIGN(LogScan scan, ScanLog(options_.log, options_.policy,
                                   [this](uint64_t index, std::string_view entry) { Look(index, entry); }));
  TRY(ExpectAllEntries(options_.log, scan));
  report_.record.origin = scan.head.checkpoint.origin;
  report_.record.size = scan.head.checkpoint.size;
  report_.record.root = scan.head.checkpoint.root;
  report_.record.requests = accounts_.requests();
  for (const std::string& finding : scan.findings) Find({"log_damage", finding});
  receipts_.EndScan(std::move(scan), looked_unix_us);
  return {};
}

void Run::Look(uint64_t index, std::string_view entry) {
  receipts_.Look(index, entry);
  auto record = record::Decode(entry);
  const bool is_request = record && record::IdentityOf(*record) != nullptr;
  if (comparison_) comparison_->Add(index, entry, is_request);
  if (!record && record.error().code != ErrorCode::kUnimplemented)
    return Find({"log_damage", fmt::format("leaf {}: {}", index, record.error().message)});
  if (!record) return;
  accounts_.Add(index, *record);
  if (sender_) sender_->Know(index, *record);
}

Result<void> Run::CompareWithServer() {
  if (!serve_) return {};
  TRY_ASSIGN(ServerCounters after, FetchCounters(*serve_));
  const RequestAccounts::Totals* totals = accounts_.Find(after.boot);
  if (after.boot.IsZero()) {
    Note(fmt::format("/metrics were not compared: {} does not say which process it is", options_.serve_url));
  } else if (before_->boot != after.boot) {
    Note("/metrics were not compared: the server was started again meanwhile");
  } else if (totals == nullptr) {
    Find({"metrics", fmt::format("{} is process {}, and the log knows no such start", options_.serve_url,
                                 after.boot.Hex())});
  } else {
    for (Finding& finding : CompareCounters(*before_, after, *totals)) Find(std::move(finding));
  }
  return {};
}

Result<void> Run::CompareWithStore() {
  if (!comparison_) return {};
  TRY(comparison_->Finish());
  record::Reconcile& record = report_.record;
  record.spans = comparison_->spans();
  record.gaps.records_not_stored = comparison_->gap().records_not_stored;
  record.gaps.records_without_span = comparison_->gap().records_without_span;
  record.gaps.spans_without_record = comparison_->gap().spans_without_record;
  for (const Finding& finding : comparison_->findings()) Find(finding);
  if (!sender_) return {};
  TRY(sender_->Flush());
  record.resent = sender_->sent();
  return {};
}

void Run::JudgeReceipts() {
  report_.record.receipts = static_cast<int64_t>(receipts_.size());
  for (const auto& [file, judgement] : receipts_.Judge()) {
    if (judgement.verdict == Verdict::kBad)
      Find({"receipts_without_record", fmt::format("{}: {}", file, judgement.text)});
    if (judgement.verdict == Verdict::kUnknown) Note(fmt::format("{}: {}", file, judgement.text));
  }
}

// The store takes the record's bytes; boot and time are its own to say (docs/api/store.md).
Result<void> Run::PutOnRecord() {
  if (!store_ || !options_.put_on_record) return {};
  auto response = store_->Post("api/log", "application/json", record::Encode({{}, 0, report_.record}));
  if (!response && response.error().code == ErrorCode::kNotFound) {
    Note("not put on record: the store keeps no log of its own");
    return {};
  }
  if (!response)
    return Fail(std::move(response.error()), "{} findings, not put on record", report_.findings.size());
  TRY_ASSIGN(wire::Json answer, wire::Json::Parse(response->body));
  TRY_ASSIGN(report_.record_index, IntAt(answer, "index"));
  return {};
}

}  // namespace

Result<ReconcileReport> ReconcileLog(const ReconcileOptions& options) { return Run(options).Compare(); }

std::string RenderText(const ReconcileReport& report) {
  const record::Reconcile& record = report.record;
  std::string out = fmt::format(
      "log         {}\ncheckpoint  size {}, root {}\nrequests    {}\nspans       {}\nreceipts    {}\n",
      record.origin, record.size, Base64Encode(AsView(record.root)), record.requests, record.spans,
      record.receipts);
  if (record.resent > 0) out += fmt::format("sent again  {} requests' spans\n", record.resent);
  for (const std::string& note : report.notes) out += "NOTE   " + OneLine(note) + "\n";
  for (const Finding& finding : report.findings)
    out += fmt::format("FOUND  {}: {}\n", finding.kind, OneLine(finding.text));
  if (report.record_index >= 0)
    out += fmt::format("on record   leaf {} of the audit host's log\n", report.record_index);
  return out + (report.ok() ? "OK: all that was compared agrees\n" : "FAILED\n");
}

wire::Json RenderJson(const ReconcileReport& report) {
  using wire::Json;
  const auto parsed = Json::Parse(record::Encode({{}, 0, report.record}));
  Json out = Json::MakeObject({{"ok", report.ok()}});
  for (const auto& [name, value] : parsed->as_object())
    if (name != "boot" && name != "time_us" && name != "type" && name != "v") out.Set(name, value);
  Json::Array findings, notes;
  for (const Finding& finding : report.findings)
    findings.push_back(Json::MakeObject({{"kind", finding.kind}, {"text", finding.text}}));
  for (const std::string& note : report.notes) notes.emplace_back(note);
  out.Set("findings", std::move(findings));
  out.Set("notes", std::move(notes));
  out.Set("record_index", report.record_index < 0 ? Json() : Json(report.record_index));
  return out;
}

}  // namespace beleg::audit
