// What a component is: its descriptor, and the few calls by which the graph runs it.
//
// To add one: a folder with its table, its class and its descriptor function; a line in components.cc.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/result.h"
#include "collector/config/settings.h"

namespace beleg::collector {

enum class Signal { kTraces, kMetrics, kLogs };
constexpr Signal kSignals[] = {Signal::kTraces, Signal::kMetrics, Signal::kLogs};
std::string_view SignalName(Signal signal);  // "traces"
std::string_view ItemsName(Signal signal);   // "spans", "metric_points", "log_records": ends of metric names

// Telemetry on its way: the bytes of an Export{Trace,Metrics,Logs}ServiceRequest. Two of one signal are joined by appending.
struct Data {
  Signal signal = Signal::kTraces;
  std::string bytes;
  size_t items = 0;  // spans, data points, log records
};

// What such bytes hold. kInvalidArgument: no OTLP.
Result<size_t> CountItems(Signal signal, std::string_view bytes);

// Takes data on. Must not block for long: receivers call it on their event loops.
//
// Errors: kResourceExhausted (a queue is full) and kUnavailable (memory limiter) mean that nothing was taken and the sender is
//         to try again; others that this data will never be taken. After an error `data` still holds what was given (a
//         processor may have edited it), so that who holds it can try again.
// Threads: any, at once.
class Consumer {
 public:
  virtual ~Consumer() = default;
  virtual Result<void> Consume(Data&& data) = 0;
  // False when Consume would be refused just now. A fan-out asks all before it gives to any.
  virtual bool HasRoom(Signal, size_t /*bytes*/) const { return true; }
};

// Begins work at Start, ends it at Stop. The graph starts from the exporters and stops from the receivers, so that what is
// inside can still go on; Stop passes on what it holds, within drain.
class Part {
 public:
  virtual ~Part() = default;
  virtual Result<void> Start() { return {}; }
  virtual void Stop(std::chrono::milliseconds /*drain*/) {}
};

class Receiver : public Part {};
class Processor : public Part, public Consumer {};
class Exporter : public Part, public Consumer {};
class Extension : public Part {};

// A port that a receiver took.
struct Listener {
  std::string receiver;  // its id
  std::string protocol;  // "grpc", "http"
  uint16_t port;
};

// What the outside gives to all components.
struct World {
  MetricRegistry* metrics = nullptr;
  const Clock* clock = nullptr;
  std::function<void(std::string_view)> print;  // of the debug exporter
  std::function<bool()> healthy;                // every part has started and none is stopping
  std::function<void(Listener)> listening;      // called by receivers in Start, on its thread
};

// Where a receiver's data goes; nullptr for a signal without a pipeline.
struct Outputs {
  Consumer* next[3] = {};
  Consumer* of(Signal signal) const { return next[static_cast<size_t>(signal)]; }
};

enum class ComponentKind { kReceiver, kProcessor, kExporter, kExtension };
std::string_view ComponentKindName(ComponentKind kind);  // "receivers"

struct Component {
  ComponentKind kind;
  std::string_view type;   // "otlp"
  std::string_view alias;  // another name for it, e.g. "otlp_grpc"; "" none
  std::string_view help;   // one sentence
  std::span<const Setting> table;
  // Each may be null. check: what a table cannot say. listens, dials: "host:port" of each socket, to find a pipeline that
  // feeds itself.
  void (*check)(std::string_view id, const Settings& settings, Problems& problems) = nullptr;
  std::vector<std::string> (*listens)(const Settings& settings) = nullptr;
  std::vector<std::string> (*dials)(const Settings& settings) = nullptr;

  // The one of its kind is set. next outlives the processor. A processor is made once a pipeline, an exporter once a signal.
  Result<std::unique_ptr<Receiver>> (*receiver)(const std::string& id, const Settings&, const Outputs&,
                                                const World&) = nullptr;
  Result<std::unique_ptr<Processor>> (*processor)(const std::string& id, const Settings&, Signal,
                                                  Consumer& next, const World&) = nullptr;
  Result<std::unique_ptr<Exporter>> (*exporter)(const std::string& id, const Settings&, Signal,
                                                const World&) = nullptr;
  Result<std::unique_ptr<Extension>> (*extension)(const std::string& id, const Settings&,
                                                  const World&) = nullptr;
};

}  // namespace beleg::collector
