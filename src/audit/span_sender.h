// SpanSender: sends the spans of records to an OTLP receiver, as the server's exporter does.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "audit/web_client.h"
#include "record/span_batch.h"

namespace beleg::audit {

class SpanSender {
 public:
  SpanSender(std::string origin, record::Semconv semconv)
      : batch_(std::move(origin), semconv, [this](uint64_t index) { return Lookup(index); }) {}
  SpanSender(const SpanSender&) = delete;
  SpanSender& operator=(const SpanSender&) = delete;

  // endpoint: as OTLP/HTTP exporters take it, with or without /v1/traces.
  Result<void> Open(std::string endpoint);
  // Every record of the log in order: boots and models are what spans are made of, too.
  void Know(uint64_t index, const record::AuditRecord& record);
  // Puts a leaf's spans on their way, after Know of all that it refers to. Errors: as Flush and SpanBatch.
  Result<void> Send(uint64_t index, std::string_view leaf);
  // Sends what waits. Errors: as WebClient; kDataLoss when the receiver rejected some.
  Result<void> Flush();

  int64_t sent() const { return sent_; }  // leaves

 private:
  Result<const record::AuditRecord*> Lookup(uint64_t index) const;

  std::unique_ptr<WebClient> client_;
  std::map<uint64_t, record::AuditRecord> known_;  // boots and models: a few a start of the server
  record::SpanBatch batch_;
  int64_t waiting_ = 0, sent_ = 0;
};

}  // namespace beleg::audit
