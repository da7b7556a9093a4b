// Graph: the pipelines of a configuration as connected parts.
//
// receivers → processors, in the order of the pipeline → exporters. A receiver is made once, a processor once a pipeline, an
// exporter once a signal. Where one has several next ones, all get the data; a refusal of any is told to the sender, who
// tries again, so that others may get it twice (at least once).
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "collector/config/config.h"

namespace beleg::collector {

class Graph {
 public:
  // world outlives the graph.
  static Result<std::unique_ptr<Graph>> Build(const Config& config, const World& world);

  // From the exporters to the receivers. An error names the component; what had started is stopped.
  Result<void> Start();
  // From the receivers to the exporters, each passing on what it holds, within drain altogether.
  void Stop(std::chrono::milliseconds drain);

 private:
  Graph() = default;
  class Builder;

  std::vector<std::unique_ptr<Consumer>> fan_outs_;
  // In the order of starting: extensions, exporters, processors (last of a pipeline first), receivers.
  std::vector<std::unique_ptr<Part>> parts_;
  size_t started_ = 0;
};

}  // namespace beleg::collector
