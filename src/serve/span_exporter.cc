#include "serve/span_exporter.h"

#include <algorithm>

#include "base/log.h"
#include "wire/otlp.h"

namespace beleg::serve {
namespace {

constexpr std::chrono::milliseconds kTailWait{500};
constexpr std::chrono::milliseconds kRequestTimeout{10'000};

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
  net::HttpClient::Options client;
  client.request_timeout = kRequestTimeout;
  client.response_bytes_max = 1 << 20;
  TRY_ASSIGN(exporter->client_, net::HttpClient::Open(exporter->options_.endpoint, client));
  exporter->thread_ = Thread("otlp-export", [raw = exporter.get()](std::stop_token stop) { raw->Run(stop); });
  return exporter;
}

SpanExporter::~SpanExporter() { Stop(); }

void SpanExporter::Stop() {
  if (!thread_.joinable()) return;
  thread_.RequestStop();
  client_->Cancel();
  wake_.NotifyAll();
  thread_.Join();
  moved_.NotifyAll();
}

bool SpanExporter::WaitFor(uint64_t index, std::chrono::milliseconds limit) {
  auto deadline = std::chrono::steady_clock::now() + limit;
  MutexLock lock(mutex_);
  while (next() < index) {
    auto left =
        std::chrono::duration_cast<std::chrono::microseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !moved_.WaitFor(mutex_, left)) break;
  }
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
  const SpanExport::Answer answer = Post(*request);
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

SpanExport::Answer SpanExporter::Post(std::string_view body) {
  net::HttpRequest request{"POST", "", options_.headers, std::string(body), ""};
  request.headers.Set("Content-Type", "application/x-protobuf");
  retry_after_.reset();
  Result<net::HttpResponse> response = client_->Send(request);
  if (!response) {
    LOG_DEBUG("exporter.unreachable", F("endpoint", options_.endpoint), F("why", response.error().message));
    return SpanExport::Answer::kRetry;
  }
  if (response->status / 100 == 2) {
    if (spans_sent_ != nullptr)
      spans_sent_->Add(static_cast<double>(wire::otlp::CountSpans(body).value_or(0)));
    return SpanExport::Answer::kTaken;
  }
  if (auto seconds = response->headers.Get("retry-after"))
    if (auto number = ParseUint64(*seconds))
      retry_after_ = std::chrono::seconds(std::min<uint64_t>(*number, 60));
  constexpr int kTryAgain[] = {401, 403, 404, 408, 429};
  bool retry =
      response->status >= 500 || std::ranges::find(kTryAgain, response->status) != std::end(kTryAgain);
  LOG_DEBUG("exporter.answer", F("endpoint", options_.endpoint), F("status", response->status));
  return retry ? SpanExport::Answer::kRetry : SpanExport::Answer::kWrong;
}

void SpanExporter::BackOff(std::stop_token stop) {
  backoff_ = std::clamp(backoff_ * 2, options_.backoff_min, options_.backoff_max);
  MutexLock lock(mutex_);
  if (!stop.stop_requested()) wake_.WaitFor(mutex_, retry_after_.value_or(backoff_));
}

}  // namespace beleg::serve
