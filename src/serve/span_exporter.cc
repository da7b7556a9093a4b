#include "serve/span_exporter.h"

#include <algorithm>

#include "base/log.h"
#include "record/span_batch.h"

namespace beleg::serve {
namespace {

constexpr size_t kBatchLeavesMax = 512;
constexpr size_t kBatchBytesMax = 512 << 10;
constexpr std::chrono::milliseconds kTailWait{500};
constexpr std::chrono::milliseconds kRequestTimeout{10'000};
constexpr size_t kContextsMax = 1024;

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
  TRY_ASSIGN(exporter->cursor_, ledger::Cursor::Open(fs, exporter->options_.ledger_dir, "otlp"));
  exporter->exported_ = exporter->cursor_->next();
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
  while (exported_ < index) {
    auto left =
        std::chrono::duration_cast<std::chrono::microseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !moved_.WaitFor(mutex_, left)) break;
  }
  return exported_ >= index;
}

void SpanExporter::Run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    uint64_t next = cursor_->next();
    if (ledger_.WaitForSize(next + 1, kTailWait) <= next) continue;
    Result<std::vector<ledger::Leaf>> leaves = ledger_.Read(next, kBatchLeavesMax, kBatchBytesMax);
    if (!leaves) {
      LOG_ERROR("exporter.read", F("index", next), F("why", leaves.error().message));
      BackOff(stop);
      continue;
    }
    if (!Export(*leaves, stop)) continue;
    if (Result<void> moved = cursor_->Advance(leaves->back().index + 1); !moved) {
      LOG_ERROR("exporter.cursor", F("why", moved.error().message));
      BackOff(stop);
      continue;
    }
    MutexLock lock(mutex_);
    exported_ = cursor_->next();
    moved_.NotifyAll();
  }
}

bool SpanExporter::Export(const std::vector<ledger::Leaf>& leaves, std::stop_token stop) {
  Result<std::string> body = Encode(leaves);
  if (!body) {
    LOG_ERROR("exporter.encode", F("index", leaves.front().index), F("why", body.error().message));
    BackOff(stop);
    return false;
  }
  while (!body->empty() && !stop.stop_requested()) {
    Answer answer = Post(*body);
    if (answer == Answer::kTaken) break;
    if (answer == Answer::kRetry) {
      if (retries_ != nullptr) retries_->Add();
      BackOff(stop);
      continue;
    }
    if (leaves.size() > 1) {
      auto middle = leaves.begin() + static_cast<ptrdiff_t>(leaves.size() / 2);
      return Export({leaves.begin(), middle}, stop) && Export({middle, leaves.end()}, stop);
    }
    LOG_ERROR("exporter.record_refused", F("index", leaves.front().index), F("endpoint", options_.endpoint));
    if (records_refused_ != nullptr) records_refused_->Add();
    break;
  }
  backoff_ = std::chrono::milliseconds(0);
  return !stop.stop_requested();
}

// The leaves' spans as one request; "" when they have none.
Result<std::string> SpanExporter::Encode(const std::vector<ledger::Leaf>& leaves) {
  if (contexts_.size() > kContextsMax) contexts_.clear();  // not later: pointers into it are held meanwhile
  record::SpanBatch batch(ledger_.origin(), options_.semconv,
                          [this](uint64_t index) { return Context(index); });
  for (const ledger::Leaf& leaf : leaves) TRY(batch.Add(leaf.index, leaf.bytes));
  return batch.Take();
}

SpanExporter::Answer SpanExporter::Post(std::string_view body) {
  net::HttpRequest request{"POST", "", options_.headers, std::string(body), ""};
  request.headers.Set("Content-Type", "application/x-protobuf");
  retry_after_.reset();
  Result<net::HttpResponse> response = client_->Send(request);
  if (!response) {
    LOG_DEBUG("exporter.unreachable", F("endpoint", options_.endpoint), F("why", response.error().message));
    return Answer::kRetry;
  }
  if (response->status / 100 == 2) {
    if (spans_sent_ != nullptr)
      spans_sent_->Add(static_cast<double>(wire::otlp::CountSpans(body).value_or(0)));
    return Answer::kTaken;
  }
  if (auto seconds = response->headers.Get("retry-after"))
    if (auto number = ParseUint64(*seconds))
      retry_after_ = std::chrono::seconds(std::min<uint64_t>(*number, 60));
  constexpr int kTryAgain[] = {401, 403, 404, 408, 429};
  bool retry =
      response->status >= 500 || std::ranges::find(kTryAgain, response->status) != std::end(kTryAgain);
  LOG_DEBUG("exporter.answer", F("endpoint", options_.endpoint), F("status", response->status));
  return retry ? Answer::kRetry : Answer::kWrong;
}

void SpanExporter::BackOff(std::stop_token stop) {
  backoff_ = std::clamp(backoff_ * 2, options_.backoff_min, options_.backoff_max);
  MutexLock lock(mutex_);
  if (!stop.stop_requested()) wake_.WaitFor(mutex_, retry_after_.value_or(backoff_));
}

Result<const record::AuditRecord*> SpanExporter::Context(uint64_t index) {
  if (auto known = contexts_.find(index); known != contexts_.end()) return &known->second;
  TRY_ASSIGN(std::vector<ledger::Leaf> leaf, ledger_.Read(index, 1, SIZE_MAX));
  if (leaf.empty()) return Fail(ErrorCode::kNotFound, "leaf {} is not in the log", index);
  TRY_ASSIGN(record::AuditRecord record, record::Decode(leaf[0].bytes));
  return &contexts_.emplace(index, std::move(record)).first->second;
}

}  // namespace beleg::serve
