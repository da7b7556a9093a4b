#include "collector/graph/graph.h"

#include <algorithm>
#include <map>

#include "base/check.h"

namespace beleg::collector {
namespace {

bool IsTransient(const Error& error) {
  return error.code == ErrorCode::kResourceExhausted || error.code == ErrorCode::kUnavailable;
}

class FanOut final : public Consumer {
 public:
  explicit FanOut(std::vector<Consumer*> next) : next_(std::move(next)) {}

  Result<void> Consume(Data&& data) override {
    if (!HasRoom(data.signal, data.bytes.size()))
      return Fail(ErrorCode::kResourceExhausted, "sending queue is full");
    Result<void> worst;
    for (Consumer* each : next_) {
      // The last needs no copy, but the first error must leave the data to the sender.
      Result<void> taken =
          each == next_.back() && worst ? each->Consume(std::move(data)) : each->Consume(Data(data));
      if (!taken && (worst || (!IsTransient(worst.error()) && IsTransient(taken.error()))))
        worst = std::move(taken);
    }
    return worst;
  }

  bool HasRoom(Signal signal, size_t bytes) const override {
    return std::ranges::all_of(next_, [&](const Consumer* each) { return each->HasRoom(signal, bytes); });
  }

 private:
  const std::vector<Consumer*> next_;
};

const ComponentConfig& Find(const std::vector<ComponentConfig>& list, const std::string& id) {
  auto found = std::ranges::find(list, id, &ComponentConfig::id);
  CHECK(found != list.end(), "LoadConfig has checked every reference");
  return *found;
}

}  // namespace

class Graph::Builder {
 public:
  Builder(const Config& config, const World& world, Graph& graph)
      : config_(config), world_(world), graph_(graph) {}

  Result<void> Build() {
    for (const std::string& id : config_.used_extensions) {
      const ComponentConfig& each = Find(config_.extensions, id);
      TRY_ASSIGN(auto part, each.component->extension(id, each.settings, world_));
      Keep(std::move(part));
    }
    for (const PipelineConfig& pipeline : config_.pipelines) TRY(Exporters(pipeline));
    for (const PipelineConfig& pipeline : config_.pipelines) TRY(Processors(pipeline));
    return Receivers();
  }

 private:
  template <class T>
  T* Keep(std::unique_ptr<T> part) {
    T* raw = part.get();
    graph_.parts_.push_back(std::move(part));
    return raw;
  }

  Consumer* Join(std::vector<Consumer*> next) {
    if (next.size() == 1) return next[0];
    graph_.fan_outs_.push_back(std::make_unique<FanOut>(std::move(next)));
    return graph_.fan_outs_.back().get();
  }

  Result<void> Exporters(const PipelineConfig& pipeline) {
    for (const std::string& id : pipeline.exporters) {
      Consumer*& made = exporters_[{id, pipeline.signal}];
      if (made != nullptr) continue;
      const ComponentConfig& each = Find(config_.exporters, id);
      TRY_ASSIGN(auto part, each.component->exporter(id, each.settings, pipeline.signal, world_));
      made = Keep(std::move(part));
    }
    return {};
  }

  // Sets heads_: where the pipeline's receivers give.
  Result<void> Processors(const PipelineConfig& pipeline) {
    std::vector<Consumer*> ends;
    for (const std::string& id : pipeline.exporters) ends.push_back(exporters_[{id, pipeline.signal}]);
    Consumer* next = Join(std::move(ends));
    for (auto id = pipeline.processors.rbegin(); id != pipeline.processors.rend(); ++id) {
      const ComponentConfig& each = Find(config_.processors, *id);
      TRY_ASSIGN(auto part, each.component->processor(*id, each.settings, pipeline.signal, *next, world_));
      next = Keep(std::move(part));
    }
    for (const std::string& id : pipeline.receivers) heads_[{id, pipeline.signal}].push_back(next);
    return {};
  }

  Result<void> Receivers() {
    for (const ComponentConfig& each : config_.receivers) {
      Outputs outputs;
      for (Signal signal : kSignals)
        if (auto head = heads_.find({each.id, signal}); head != heads_.end())
          outputs.next[static_cast<size_t>(signal)] = Join(head->second);
      if (std::ranges::all_of(outputs.next, [](Consumer* next) { return next == nullptr; })) continue;
      TRY_ASSIGN(auto part, each.component->receiver(each.id, each.settings, outputs, world_));
      Keep(std::move(part));
    }
    return {};
  }

  using Place = std::pair<std::string, Signal>;
  const Config& config_;
  const World& world_;
  Graph& graph_;
  std::map<Place, Consumer*> exporters_;
  std::map<Place, std::vector<Consumer*>> heads_;
};

Result<std::unique_ptr<Graph>> Graph::Build(const Config& config, const World& world) {
  std::unique_ptr<Graph> graph(new Graph());
  TRY(Builder(config, world, *graph).Build());
  return graph;
}

Result<void> Graph::Start() {
  for (; started_ < parts_.size(); ++started_) {
    Result<void> begun = parts_[started_]->Start();
    if (begun) continue;
    Stop(std::chrono::milliseconds(0));
    return begun;
  }
  return {};
}

void Graph::Stop(std::chrono::milliseconds drain) {
  auto deadline = std::chrono::steady_clock::now() + drain;
  while (started_ > 0) {
    auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    parts_[--started_]->Stop(std::max(left, std::chrono::milliseconds(0)));
  }
}

}  // namespace beleg::collector
