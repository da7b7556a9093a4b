// What the replay engine itself costs: requests per second from Start to OnDone, so that a bench of a server on it knows what
// is the server's. Argument: generations at once.
#include <list>

#include <benchmark/benchmark.h>

#include "engine/replay/replay_engine.h"
#include "engine/testing.h"

namespace beleg::engine {
namespace {

void Replay(benchmark::State& state, int64_t tokens_per_step) {
  auto engine = OpenReplay({.tokens = 64, .tokens_per_step = tokens_per_step});
  GenerateRequest request;
  request.prompt = engine->Tokenize("a question of some words", true).value();
  request.max_tokens = 64;
  int64_t requests = 0;
  for (auto _ : state) {
    std::list<CollectingSink> sinks(static_cast<size_t>(state.range(0)));
    std::vector<std::unique_ptr<Generation>> generations;
    for (auto& sink : sinks) generations.push_back(engine->Start(request, sink).value());
    for (auto& sink : sinks) sink.WaitDone();
    requests += state.range(0);
  }
  state.counters["requests/s"] =
      benchmark::Counter(static_cast<double>(requests), benchmark::Counter::kIsRate);
}

BENCHMARK_CAPTURE(Replay, WholeAnswers, 64)->Arg(1)->Arg(64)->UseRealTime();
BENCHMARK_CAPTURE(Replay, TokenByToken, 1)->Arg(1)->Arg(64)->UseRealTime();

}  // namespace
}  // namespace beleg::engine
