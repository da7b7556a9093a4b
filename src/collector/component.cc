#include "collector/component.h"

#include "wire/otlp_edit.h"

namespace beleg::collector {

std::string_view SignalName(Signal signal) {
  switch (signal) {
    case Signal::kTraces: return "traces";
    case Signal::kMetrics: return "metrics";
    case Signal::kLogs: return "logs";
  }
  return "";
}

std::string_view ItemsName(Signal signal) {
  switch (signal) {
    case Signal::kTraces: return "spans";
    case Signal::kMetrics: return "metric_points";
    case Signal::kLogs: return "log_records";
  }
  return "";
}

Result<size_t> CountItems(Signal signal, std::string_view bytes) {
  return signal == Signal::kMetrics ? wire::otlp::CountDataPoints(bytes) : wire::otlp::CountItems(bytes);
}

std::string_view ComponentKindName(ComponentKind kind) {
  switch (kind) {
    case ComponentKind::kReceiver: return "receivers";
    case ComponentKind::kProcessor: return "processors";
    case ComponentKind::kExporter: return "exporters";
    case ComponentKind::kExtension: return "extensions";
  }
  return "";
}

}  // namespace beleg::collector
