// What each format costs: build/dev/src/wire/wire_bench. Bytes a second are those of the text or the request.
#include <benchmark/benchmark.h>

#include "wire/compress.h"
#include "wire/jcs.h"
#include "wire/otlp_json.h"
#include "wire/sse.h"
#include "wire/testing.h"

namespace beleg::wire {
namespace {

// A chat request of about 3 KB.
std::string ChatRequest() {
  Json messages = Json::MakeArray();
  for (int i = 0; i < 8; ++i) {
    messages.Append(Json::MakeObject({{"role", i % 2 == 0 ? "user" : "assistant"},
                                      {"content", std::string(300, 'x') + "\n größer \"quoted\""}}));
  }
  return Json::MakeObject(
             {{"model", "demo"}, {"messages", messages}, {"temperature", 0.7}, {"max_tokens", 256}})
      .Dump();
}

// 512 spans of 12 attributes under one resource.
std::vector<otlp::ScopeSpans> Batch() {
  otlp::Span span = otlp::MinimalSpan();
  span.name = "chat demo";
  span.start_unix_ns = 1764000000000000001;
  span.end_unix_ns = 1764000000123456789;
  for (int i = 0; i < 6; ++i) {
    span.attributes.push_back({fmt::format("gen_ai.attribute.text.{}", i), "some value"});
    span.attributes.push_back({fmt::format("gen_ai.attribute.number.{}", i), 1000 * i});
  }
  otlp::ScopeSpans scope;
  scope.resource = {{"service.name", "vllm"}, {"deployment.environment", "production"}};
  scope.scope_name = "beleg";
  scope.spans.assign(512, span);
  return {scope};
}

void SetBytes(benchmark::State& state, size_t bytes) {
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes));
}
void SetSpans(benchmark::State& state) {
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * 512));
}

void JsonParse(benchmark::State& state) {
  std::string text = ChatRequest();
  for (auto _ : state) benchmark::DoNotOptimize(Json::Parse(text));
  SetBytes(state, text.size());
}
BENCHMARK(JsonParse);

void JsonDump(benchmark::State& state) {
  Json value = *Json::Parse(ChatRequest());
  for (auto _ : state) benchmark::DoNotOptimize(value.Dump());
  SetBytes(state, ChatRequest().size());
}
BENCHMARK(JsonDump);

void JsonCanonicalize(benchmark::State& state) {
  Json value = *Json::Parse(ChatRequest());
  for (auto _ : state) benchmark::DoNotOptimize(Canonicalize(value));
  SetBytes(state, ChatRequest().size());
}
BENCHMARK(JsonCanonicalize);

// A token of 5 bytes, and 4 KB, as a JSON string.
void JsonString(benchmark::State& state) {
  std::string text(static_cast<size_t>(state.range(0)), 'x'), out;
  for (auto _ : state) {
    out.clear();
    AppendJsonString(out, text);
    benchmark::DoNotOptimize(out.data());
  }
  SetBytes(state, text.size());
}
BENCHMARK(JsonString)->Arg(5)->Arg(4096);

void SseParse(benchmark::State& state) {
  std::string stream;
  for (int i = 0; i < 100; ++i) stream += SseData(std::string(200, 'x'));
  for (auto _ : state) {
    SseParser parser;
    parser.Feed(stream, [](const SseEvent& event) { benchmark::DoNotOptimize(event.data.data()); });
  }
  SetBytes(state, stream.size());
}
BENCHMARK(SseParse);

void OtlpDecode(benchmark::State& state) {
  std::string request = otlp::EncodeTraces(Batch());
  for (auto _ : state) benchmark::DoNotOptimize(otlp::DecodeTraces(request));
  SetSpans(state);
}
BENCHMARK(OtlpDecode);

void OtlpEncode(benchmark::State& state) {
  auto scopes = Batch();
  for (auto _ : state) benchmark::DoNotOptimize(otlp::EncodeTraces(scopes));
  SetSpans(state);
}
BENCHMARK(OtlpEncode);

void OtlpCount(benchmark::State& state) {
  std::string request = otlp::EncodeTraces(Batch());
  for (auto _ : state) benchmark::DoNotOptimize(otlp::CountSpans(request));
  SetSpans(state);
}
BENCHMARK(OtlpCount);

void OtlpFromJson(benchmark::State& state) {
  std::string text = otlp::TracesToJson(Batch()).Dump();
  for (auto _ : state) benchmark::DoNotOptimize(otlp::TracesFromJson(text));
  SetSpans(state);
}
BENCHMARK(OtlpFromJson);

void Gzip(benchmark::State& state) {
  std::string request = otlp::EncodeTraces(Batch());
  for (auto _ : state) benchmark::DoNotOptimize(GzipCompress(request));
  SetBytes(state, request.size());
}
BENCHMARK(Gzip);

void Gunzip(benchmark::State& state) {
  std::string request = otlp::EncodeTraces(Batch()), packed = GzipCompress(request);
  for (auto _ : state) benchmark::DoNotOptimize(GzipDecompress(packed, request.size()));
  SetBytes(state, request.size());
}
BENCHMARK(Gunzip);

void Unzstd(benchmark::State& state) {
  std::string request = otlp::EncodeTraces(Batch()), packed = ZstdCompress(request);
  for (auto _ : state) benchmark::DoNotOptimize(ZstdDecompress(packed, request.size()));
  SetBytes(state, request.size());
}
BENCHMARK(Unzstd);

}  // namespace
}  // namespace beleg::wire
