// Intake: where every OTLP request of one receiver passes on its way into the pipelines, whatever protocol brought it.
#pragma once

#include "collector/component.h"

namespace beleg::collector {

class Intake {
 public:
  Intake(const std::string& id, std::string_view transport, const Outputs& outputs, const World& world);

  bool Has(Signal signal) const { return outputs_.of(signal) != nullptr; }
  // request: protobuf bytes. kInvalidArgument: no OTLP; else the pipelines' errors (collector/component.h).
  // Threads: any.
  Result<void> Take(Signal signal, std::string request);
  // Counts a request that could not even be read.
  void Failed(Signal signal) { CountersOf(signal).failed->Add(); }

 private:
  struct Counters {
    Counter *accepted, *refused, *failed;
  };
  Counters& CountersOf(Signal signal) { return counters_[static_cast<size_t>(signal)]; }

  const Outputs outputs_;
  Counters counters_[3];
};

}  // namespace beleg::collector
