// SpanExporter: tails the ledger and sends its requests as spans over OTLP, from a durable cursor. The thread and the waiting; what is
// sent when is SpanExport's, and to whom SpanPeer's.
//
// Order:   leaves in order, at least once up to the peer's acknowledgement; the cursor moves after it. An outage of the peer delays
//          spans and loses none; nothing is dropped because a queue is full, since the log is the queue.
// Errors:  what a later try may mend is retried with back-off, or when the peer asked for it. A batch that the peer calls wrong is halved
//          until the one record that it will not take is found; that one is counted, logged and left: the evidence is in the log in
//          any case.
// Threads: one of its own.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/metrics.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "ledger/ledger.h"
#include "serve/span_export.h"
#include "serve/span_peer.h"

namespace beleg::serve {

struct SpanExporterOptions {
  OtlpProtocol protocol = OtlpProtocol::kHttpProtobuf;
  std::string endpoint;  // as SpanPeer::Open has it
  net::HttpHeaders headers;
  record::Semconv semconv = record::Semconv::kDup;
  std::string ledger_dir;
  std::chrono::milliseconds backoff_min{200}, backoff_max{10'000};
  io::FileSystem* fs = nullptr;
  MetricRegistry* metrics = nullptr;
};

class SpanExporter {
 public:
  static Result<std::unique_ptr<SpanExporter>> Start(SpanExporterOptions options, ledger::Ledger& ledger);
  ~SpanExporter();

  uint64_t next() const { return export_->next(); }  // first leaf not yet dealt with
  // Waits until all leaves before index are dealt with, or the time is over.
  bool WaitFor(uint64_t index, std::chrono::milliseconds limit);
  void Stop();

 private:
  SpanExporter(SpanExporterOptions options, ledger::Ledger& ledger);
  void Run(std::stop_token stop);
  // False: try again later.
  bool ExportOne(std::stop_token stop);
  SpanExport::Answer Send(std::string_view request);
  void BackOff(std::stop_token stop);
  void TellWaiters();

  const SpanExporterOptions options_;
  ledger::Ledger& ledger_;
  std::unique_ptr<SpanExport> export_;
  std::unique_ptr<SpanPeer> peer_;
  std::chrono::milliseconds backoff_{0};
  std::optional<std::chrono::milliseconds> retry_after_;
  bool retrying_ = false;
  Counter *spans_sent_ = nullptr, *retries_ = nullptr, *records_refused_ = nullptr;
  Mutex mutex_;
  CondVar wake_, moved_;
  Thread thread_;
};

}  // namespace beleg::serve
