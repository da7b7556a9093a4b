// Spans and leaves for tests of what stands on the store.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/rng.h"
#include "io/testing.h"
#include "record/audit_record.h"
#include "record/otel_mapping.h"
#include "store/store.h"
#include "wire/otlp.h"
#include "wire/prometheus_text.h"
#include "wire/sha256.h"

namespace beleg::store::testing {

inline wire::otlp::Attributes SampleResource(const std::string& service = "vllm") {
  return {{"service.name", service}, {"deployment.region", "hetzner-nbg1-eu"}};
}

// A span as the tutorial's emitter makes it; `number` makes its ids and times differ.
inline wire::otlp::Span SampleSpan(uint64_t number) {
  SeededRng rng(number + 1);
  wire::otlp::Span span;
  span.trace_id.bytes = rng.Draw<std::array<uint8_t, 16>>();
  span.span_id.bytes = rng.Draw<std::array<uint8_t, 8>>();
  span.name = "llm.generate";
  span.kind = wire::otlp::SpanKind::kInternal;
  span.start_unix_ns = 1'700'000'000'000'000'000 + static_cast<int64_t>(number) * 1'000'000;
  span.end_unix_ns = span.start_unix_ns + 10'000'123;
  span.attributes = {{"gen_ai.model.id", "facebook/opt-125m"},
                     {"gen_ai.usage.prompt_tokens", int64_t{42}},
                     {"gen_ai.usage.completion_tokens", int64_t{17}},
                     {"gen_ai.response.finish_reasons", std::vector<wire::otlp::Value>{"stop"}},
                     {"gen_ai.temperature", 0.5}};
  return span;
}

inline std::string Request(std::vector<wire::otlp::Span> spans,
                           wire::otlp::Attributes resource = SampleResource(),
                           const std::string& scope = "vllm.inference") {
  wire::otlp::ScopeSpans out;
  out.resource = std::move(resource);
  out.scope_name = scope;
  out.spans = std::move(spans);
  return wire::otlp::EncodeTraces({out});
}

// An export of these families (Prometheus text) as a collector's scrape sends it, under service.name "vllm".
inline std::string ScrapeRequest(std::string_view text, int64_t time_unix_ns,
                                 wire::otlp::Attributes resource = {{"service.name", "vllm"}}) {
  auto families = wire::ParsePrometheusText(text);
  CHECK(families.has_value(), "the test's own text");
  return wire::EncodePrometheus(*families, {.resource = std::move(resource),
                                            .time_unix_ns = time_unix_ns,
                                            .start_unix_ns = 1'700'000'000'000'000'000});
}

// A store in a folder of its own, on a disk whose room the test sets.
class TestStore {
 public:
  TestStore() { Reopen(); }
  // Closes and opens again what is on the disk; free_bytes_min is what the store demands.
  void Reopen(uint64_t free_bytes_min = 0) {
    StoreOptions options;
    options.free_bytes_min = free_bytes_min;
    Reopen(std::move(options));
  }
  void Reopen(StoreOptions options) {
    store_.reset();
    options.dir = dir();
    options.fs = &fs_;
    auto opened = Store::Open(std::move(options));
    CHECK(opened.has_value(), opened ? "" : opened.error().message);
    store_ = *std::move(opened);
  }
  std::string dir() const { return folder_ / "store"; }
  // What the disk says it has left; negative: the truth.
  void SetFreeBytes(int64_t bytes) { fs_.free_bytes = bytes; }
  Store& operator*() const { return *store_; }
  Store* operator->() const { return store_.get(); }

 private:
  io::TempFolder folder_;
  io::FaultFileSystem fs_{[](io::FaultPoint, const std::string&) -> Result<void> { return {}; }};
  std::unique_ptr<Store> store_;
};

// A log as a server writes it: boot, model, then requests.
class SampleLog {
 public:
  explicit SampleLog(std::string origin = "beleg-test") : origin_(std::move(origin)) {
    record::Boot boot;
    boot.version = "0.1.0";
    boot.service_name = "vllm";
    boot.region = "hetzner-nbg1-eu";
    boot.environment = "production";
    boot.host = "host-1";
    boot.audit = "closed";
    Add(boot);
    record::Model model;
    model.name = "smollm2";
    model.weights_sha256.fill(9);
    Add(model);
  }

  // Returns the leaf's index.
  uint64_t Add(record::Body body) {
    record::AuditRecord record{boot_, 1'700'000'000'000'000 + static_cast<int64_t>(leaves_.size()) * 1000,
                               std::move(body)};
    const uint64_t index = leaves_.size();
    leaves_.push_back({index, record::Encode(record)});
    records_.push_back(std::move(record));
    return index;
  }

  uint64_t AddRequest() {
    const uint64_t seq = ++seq_;
    record::Request request;
    request.id.seq = seq;
    request.id.boot_index = 0;
    SeededRng rng(seq);
    request.id.trace_id.bytes = rng.Draw<std::array<uint8_t, 16>>();
    request.id.caller = "anonymous";
    request.model = "smollm2";
    request.model_index = 1;
    request.finish_reasons = {"stop"};
    request.input_tokens = 12, request.output_tokens = 34;
    request.start_us = 1'700'000'000'000'000 + static_cast<int64_t>(seq) * 1'000'000;
    request.duration_us = 5000;
    request.queue_us = 100, request.prefill_us = 900, request.decode_us = 4000;
    return Add(request);
  }

  const std::string& origin() const { return origin_; }
  const std::vector<Store::MirroredLeaf>& leaves() const { return leaves_; }
  const record::AuditRecord& record(uint64_t index) const { return records_[index]; }
  std::vector<std::string> entries() const {
    std::vector<std::string> out;
    for (const Store::MirroredLeaf& leaf : leaves_) out.push_back(leaf.bytes);
    return out;
  }

  // What the server's exporter sends for a leaf.
  std::vector<wire::otlp::Span> Spans(uint64_t index, record::Semconv semconv = record::Semconv::kDup) const {
    return record::SpansOf(Context(semconv), records_[index], index,
                           wire::MerkleLeafHash(leaves_[index].bytes));
  }
  wire::otlp::Attributes Resource(record::Semconv semconv = record::Semconv::kDup) const {
    return record::ResourceOf(Context(semconv));
  }
  std::string Export(uint64_t index, wire::otlp::Attributes more_resource = {},
                     record::Semconv semconv = record::Semconv::kDup) const {
    wire::otlp::Attributes resource = Resource(semconv);
    resource.insert(resource.end(), more_resource.begin(), more_resource.end());
    return Request(Spans(index, semconv), std::move(resource), std::string(record::kScopeName));
  }

 private:
  record::SpanContext Context(record::Semconv semconv) const {
    record::SpanContext context;
    context.origin = origin_;
    context.boot_id = boot_;
    context.boot = &std::get<record::Boot>(records_[0].body);
    context.model = &std::get<record::Model>(records_[1].body);
    context.semconv = semconv;
    return context;
  }

  const std::string origin_;
  const BootId boot_{{1, 2, 3, 4, 5, 6, 7, 8}};
  uint64_t seq_ = 0;
  std::vector<Store::MirroredLeaf> leaves_;
  std::vector<record::AuditRecord> records_;
};

}  // namespace beleg::store::testing
