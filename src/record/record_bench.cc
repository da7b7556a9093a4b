// What a request pays for its record, and a store for reading it.
#include <benchmark/benchmark.h>

#include "record/commitment.h"
#include "record/otel_mapping.h"
#include "record/testing.h"

namespace beleg::record {
namespace {

void BM_Encode(benchmark::State& state) {
  AuditRecord record = SampleRecord(SampleRequest());
  for (auto _ : state) benchmark::DoNotOptimize(Encode(record));
}
BENCHMARK(BM_Encode);

void BM_Decode(benchmark::State& state) {
  std::string bytes = Encode(SampleRecord(SampleRequest()));
  for (auto _ : state) benchmark::DoNotOptimize(Decode(bytes));
}
BENCHMARK(BM_Decode);

// Items of 1 KiB: a prompt of a few messages and one answer.
void BM_Commitment(benchmark::State& state) {
  std::string text(1024, 'x');
  for (auto _ : state) {
    CommitmentTree tree(CountingBytes<Secret>(0));
    for (int i = 0; i < state.range(0); ++i) tree.Add(fmt::format("input/{}/content", i), text);
    benchmark::DoNotOptimize(tree.Root());
  }
}
BENCHMARK(BM_Commitment)->Arg(4);

void BM_Spans(benchmark::State& state) {
  AuditRecord record = SampleRecord(SampleRequest());
  Boot boot = std::get<Boot>(SampleRecords()[3].body);
  SpanContext context{.origin = "beleg-bench", .boot_id = SampleBoot(), .boot = &boot};
  for (auto _ : state) benchmark::DoNotOptimize(SpansOf(context, record, 77, Hash32{}));
}
BENCHMARK(BM_Spans);

}  // namespace
}  // namespace beleg::record
