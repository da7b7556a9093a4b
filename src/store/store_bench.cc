// What the store costs: received spans, mirrored records, copies that merge, and look-ups in what is there.
#include <benchmark/benchmark.h>

#include "base/check.h"
#include "io/testing.h"
#include "record/request_id.h"
#include "store/testing.h"

namespace beleg::store {
namespace {

std::unique_ptr<Store> OpenStore(const io::TempFolder& folder) {
  StoreOptions options;
  options.dir = folder / "store";
  options.free_bytes_min = 0;
  return *Store::Open(std::move(options));
}

std::string RequestOf(uint64_t first, size_t count) {
  std::vector<wire::otlp::Span> spans;
  for (size_t i = 0; i < count; ++i) {
    spans.push_back(testing::SampleSpan(first + i));
    for (int k = 0; k < 12; ++k)
      spans.back().attributes.push_back({fmt::format("attribute.{}", k), fmt::format("value {}", i % 50)});
  }
  return testing::Request(std::move(spans));
}

void IngestSpans(benchmark::State& state) {
  io::TempFolder folder;
  auto store = OpenStore(folder);
  const size_t count = static_cast<size_t>(state.range(0));
  uint64_t next = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const std::string request = RequestOf(next, count);
    next += count;
    state.ResumeTiming();
    CHECK(store->IngestTraces(request).has_value(), "taken");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(IngestSpans)->Arg(1)->Arg(512)->MeasureProcessCPUTime()->Unit(benchmark::kMicrosecond);

void FindNewest(benchmark::State& state) {
  io::TempFolder folder;
  auto store = OpenStore(folder);
  for (uint64_t i = 0; i < static_cast<uint64_t>(state.range(0)); i += 1000)
    CHECK(store->IngestTraces(RequestOf(i, 1000)).has_value(), "taken");
  SpanFilter filter;
  filter.service = "vllm";
  filter.limit = 20;
  for (auto _ : state) CHECK(store->FindSpans(filter)->size() == 20, "there");
}
BENCHMARK(FindNewest)->Arg(1000)->Arg(200'000)->MeasureProcessCPUTime()->Unit(benchmark::kMicrosecond);

void FindTrace(benchmark::State& state) {
  io::TempFolder folder;
  auto store = OpenStore(folder);
  for (uint64_t i = 0; i < static_cast<uint64_t>(state.range(0)); i += 1000)
    CHECK(store->IngestTraces(RequestOf(i, 1000)).has_value(), "taken");
  SpanFilter filter;
  filter.trace_id = testing::SampleSpan(77).trace_id.Hex();
  for (auto _ : state) CHECK(store->FindSpans(filter)->size() == 1, "there");
}
BENCHMARK(FindTrace)->Arg(200'000)->MeasureProcessCPUTime()->Unit(benchmark::kMicrosecond);

void FindRecord(benchmark::State& state) {
  io::TempFolder folder;
  auto store = OpenStore(folder);
  testing::SampleLog log;
  while (log.leaves().size() < static_cast<size_t>(state.range(0))) log.AddRequest();
  CHECK(store->AddRecords(log.origin(), log.leaves()).has_value(), "taken");
  const record::AuditRecord& record = log.record(77);
  const record::RequestIdentity& id = *record::IdentityOf(record);
  const RequestId request_id = record::DeriveRequestId(record.boot, id.seq, id.trace_id);
  for (auto _ : state) CHECK(store->FindRecord(request_id)->index == 77, "there");
}
BENCHMARK(FindRecord)->Arg(10'000)->Arg(200'000)->MeasureProcessCPUTime()->Unit(benchmark::kMicrosecond);

// Ten requests a round, as a busy half second of a mirror; with copies before (1), after (2), or none (0).
void AddRecords(benchmark::State& state) {
  io::TempFolder folder;
  auto store = OpenStore(folder);
  testing::SampleLog log;
  const wire::otlp::Attributes more = {{"k8s.pod.name", "gpu-7"}};
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<std::string> copies;
    const size_t first = store->NextLeaf(log.origin());
    for (int i = 0; i < 10; ++i) copies.push_back(log.Export(log.AddRequest(), more));
    const std::vector<Store::MirroredLeaf> leaves(log.leaves().begin() + static_cast<ptrdiff_t>(first),
                                                  log.leaves().end());
    state.ResumeTiming();
    if (state.range(0) == 1) {
      for (const std::string& copy : copies) CHECK(store->IngestTraces(copy).has_value(), "taken");
    }
    CHECK(store->AddRecords(log.origin(), leaves).has_value(), "taken");
    if (state.range(0) == 2) {
      for (const std::string& copy : copies) CHECK(store->IngestTraces(copy).has_value(), "taken");
    }
  }
  state.SetItemsProcessed(state.iterations() * 10);
}
BENCHMARK(AddRecords)->Arg(0)->Arg(1)->Arg(2)->MeasureProcessCPUTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace beleg::store
