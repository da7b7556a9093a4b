#include "serve/span_exporter.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "wire/otlp.h"

namespace beleg::serve {
namespace {

constexpr std::chrono::milliseconds kTailWait{500};

}  // namespace

SpanExporter::SpanExporter(SpanExporterOptions options, ledger::Ledger& ledger)
    : options_(std::move(options)), ledger_(ledger) {
  if (options_.metrics == nullptr) return;
  spans_sent_ =
      &options_.metrics->AddCounter("beleg_exporter_spans_total", "Spans acknowledged by the peer.");
  retries_ =
      &options_.metrics->AddCounter("beleg_exporter_retries_total", "Exports that have to be tried again.");
  records_refused_ =
      &options_.metrics->AddCounter("beleg_exporter_records_refused_total",
                                    "Records whose spans the peer calls wrong; they stay in the log.");
}

Result<std::unique_ptr<SpanExporter>> SpanExporter::Start(SpanExporterOptions options,
                                                          ledger::Ledger& ledger) {
  std::unique_ptr<SpanExporter> exporter(new SpanExporter(std::move(options), ledger));
  io::FileSystem& fs = exporter->options_.fs != nullptr ? *exporter->options_.fs : io::PosixFileSystem();
  TRY_ASSIGN(
      exporter->export_,
      SpanExport::Open({&fs, exporter->options_.ledger_dir, ledger.origin(), exporter->options_.semconv},
                       [&ledger](uint64_t first, size_t count_max, size_t bytes_max) {
                         return ledger.Read(first, count_max, bytes_max);
                       }));
  const SpanExporterOptions& settings = exporter->options_;
  TRY_ASSIGN(exporter->peer_, SpanPeer::Open(settings.protocol, settings.endpoint, settings.headers));
  exporter->thread_ = Thread("otlp-export", [raw = exporter.get()](std::stop_token stop) { raw->Run(stop); });
  return exporter;
}

SpanExporter::~SpanExporter() { Stop(); }

void SpanExporter::Stop() {
  if (!thread_.joinable()) return;
  thread_.RequestStop();
  peer_->Cancel();
  wake_.NotifyAll();
  thread_.Join();
  moved_.NotifyAll();
}

bool SpanExporter::WaitFor(uint64_t index, std::chrono::milliseconds limit) {
  const int64_t deadline_us = SystemClock().MonoMicros() + std::chrono::microseconds(limit).count();
  MutexLock lock(mutex_);
  while (next() < index && moved_.WaitUntil(mutex_, deadline_us)) {}
  return next() >= index;
}

void SpanExporter::Run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    if (!ExportOne(stop)) BackOff(stop);
  }
}

bool SpanExporter::ExportOne(std::stop_token stop) {
  Result<std::string_view> request = export_->NextRequest();
  TellWaiters();
  if (!request) {
    LOG_ERROR("exporter.failed", F("index", next()), F("why", request.error().message));
    return false;
  }
  if (request->empty()) {
    ledger_.WaitForSize(next() + 1, kTailWait);
    return true;
  }
  const SpanExport::Answer answer = Send(*request);
  if (answer == SpanExport::Answer::kRetry) {
    if (retries_ != nullptr && !stop.stop_requested()) retries_->Add();
    return false;
  }
  backoff_ = std::chrono::milliseconds(0);
  if (answer == SpanExport::Answer::kWrong && export_->leaf_count() == 1) {
    LOG_ERROR("exporter.record_refused", F("index", next()), F("endpoint", options_.endpoint));
    if (records_refused_ != nullptr) records_refused_->Add();
  }
  if (Result<void> moved = export_->Answered(answer); !moved) {
    LOG_ERROR("exporter.cursor", F("why", moved.error().message));
    return false;
  }
  TellWaiters();
  return true;
}

void SpanExporter::TellWaiters() {
  MutexLock lock(mutex_);
  moved_.NotifyAll();
}

SpanExport::Answer SpanExporter::Send(std::string_view request) {
  SpanPeerAnswer answer = peer_->Send(request);
  retry_after_ = answer.retry_after;
  if (answer.answer == SpanExport::Answer::kTaken) {
    retrying_ = false;
    if (spans_sent_ != nullptr)
      spans_sent_->Add(static_cast<double>(wire::otlp::CountSpans(request).value_or(0)));
  } else if (!std::exchange(retrying_, true)) {  // once an outage, not once a try
    LOG_WARN("exporter.not_taken", F("endpoint", options_.endpoint), F("why", answer.why));
  }
  return answer.answer;
}

void SpanExporter::BackOff(std::stop_token stop) {
  backoff_ = std::clamp(backoff_ * 2, options_.backoff_min, options_.backoff_max);
  MutexLock lock(mutex_);
  if (!stop.stop_requested()) wake_.WaitFor(mutex_, retry_after_.value_or(backoff_));
}

}  // namespace beleg::serve
