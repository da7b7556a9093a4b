// Tokens per second of the whole engine, from Start to OnDone: what a server on top of it can reach at most.
//
// BELEG_TEST_MODEL=FILE (default: the model of `make setup`), BELEG_BENCH_THREADS=n (default 2). Prompts of 100 tokens, all
// different from the first on, so nothing comes from the cache; answers of 64 tokens, greedy. Argument: generations at once.
// SharedPrefix: 64 of the 100 tokens are the same in all prompts.
#include <cstdlib>
#include <list>
#include <string>

#include <benchmark/benchmark.h>

#include "base/bytes.h"
#include "base/log.h"
#include "engine/llama/llama_engine.h"
#include "engine/testing.h"

namespace beleg::engine {
namespace {

constexpr int kSequencesMax = 64;
constexpr int64_t kPromptTokens = 100;
constexpr int64_t kAnswerTokens = 64;

std::string Given(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

Engine& TheEngine() {
  static const std::unique_ptr<Engine> engine = [] {
    SetLogLevel("warn");
    auto threads = static_cast<int>(ParseInt64(Given("BELEG_BENCH_THREADS", "2")).value());
    auto opened = OpenLlama({.model_path = Given("BELEG_TEST_MODEL", BELEG_TEST_MODEL),
                             .threads = threads,
                             .sequences_max = kSequencesMax,
                             .context_tokens = 256});
    CHECK(opened.has_value(), opened.error().message);
    return std::move(*opened);
  }();
  return *engine;
}

GenerateRequest Ask(int64_t number, int64_t shared_tokens) {
  GenerateRequest request;
  request.max_tokens = kAnswerTokens;
  request.ignore_eos = true;
  request.sampling.temperature = 0;
  for (int64_t i = 0; i < kPromptTokens; ++i) {
    int64_t of = i < shared_tokens ? 0 : number * 37;
    request.prompt.push_back(static_cast<Token>(100 + (of + i * 11) % 20'000));
  }
  return request;
}

void Generate(benchmark::State& state, int64_t shared_tokens) {
  Engine& engine = TheEngine();
  static int64_t asked = 0;  // the library calls this several times
  int64_t number = 0, pieces = 0, cached_tokens = 0;
  for (auto _ : state) {
    std::list<CollectingSink> sinks(static_cast<size_t>(state.range(0)));
    std::vector<std::unique_ptr<Generation>> generations;
    for (auto& sink : sinks) generations.push_back(engine.Start(Ask(++asked, shared_tokens), sink).value());
    number += state.range(0);
    for (auto& sink : sinks) cached_tokens += sink.WaitDone().cached_tokens, pieces += sink.sequence().pieces;
  }
  state.counters["tokens/s"] =
      benchmark::Counter(static_cast<double>(number * kAnswerTokens), benchmark::Counter::kIsRate);
  state.counters["pieces"] = static_cast<double>(pieces) / static_cast<double>(number);
  state.counters["cached"] = static_cast<double>(cached_tokens) / static_cast<double>(number);
}

BENCHMARK_CAPTURE(Generate, Alone, 0)->Arg(1)->Arg(16)->Arg(64)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Generate, SharedPrefix, 64)->Arg(16)->Arg(64)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace beleg::engine
