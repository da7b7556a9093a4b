#include "collector/components.h"

#include <algorithm>

#include "collector/exporters/debug/debug.h"
#include "collector/exporters/nop/nop.h"
#include "collector/exporters/otlp/otlp_grpc_exporter.h"
#include "collector/exporters/otlp/otlp_http_exporter.h"
#include "collector/extensions/health_check/health_check.h"
#include "collector/processors/batch/batch.h"
#include "collector/processors/memory_limiter/memory_limiter.h"
#include "collector/processors/resource/resource.h"
#include "collector/receivers/nop/nop.h"
#include "collector/receivers/otlp/otlp_receiver.h"
#include "collector/receivers/prometheus/prometheus.h"

namespace beleg::collector {

const std::vector<Component>& Components() {
  static const std::vector<Component> kAll = {
      OtlpReceiver(),           PrometheusReceiver(), NopReceiver(),          BatchProcessor(),
      MemoryLimiterProcessor(), ResourceProcessor(),  OtlpGrpcExporter(),     OtlpHttpExporter(),
      DebugExporter(),          NopExporter(),        HealthCheckExtension(),
  };
  return kAll;
}

const Component* FindComponent(ComponentKind kind, std::string_view type) {
  for (const Component& each : Components())
    if (each.kind == kind && (each.type == type || (!each.alias.empty() && each.alias == type))) return &each;
  return nullptr;
}

namespace {

constexpr ComponentKind kKinds[] = {ComponentKind::kReceiver, ComponentKind::kProcessor,
                                    ComponentKind::kExporter, ComponentKind::kExtension};

void DescribeTable(std::string& out, std::span<const Setting> table, const std::string& prefix) {
  for (const Setting& setting : table) {
    std::string type(SettingTypeName(setting.type));
    if (!setting.choices.empty()) {
      type = setting.choices;
      for (size_t at = 0; (at = type.find('|', at)) != std::string::npos; at += 2) type.replace(at, 1, ", ");
    }
    out += fmt::format("| `{}{}` | {} | {} | {}{} |\n", prefix, setting.path, type, setting.value,
                       setting.help, setting.unused ? " (accepted, changes nothing)" : "");
    DescribeTable(out, setting.items, fmt::format("{}{}[].", prefix, setting.path));
  }
}

}  // namespace

std::string DescribeComponents() {
  std::string out = fmt::format(
      "buildinfo:\n    command: beleg collector\n    description: beleg's OpenTelemetry Collector\n    "
      "version: {}\n",
      BELEG_VERSION);
  for (ComponentKind kind : kKinds) {
    out += fmt::format("{}:\n", ComponentKindName(kind));
    for (const Component& each : Components()) {
      if (each.kind != kind) continue;
      out += fmt::format("    - name: {}\n", each.type);
      if (!each.alias.empty()) out += fmt::format("      alias: {}\n", each.alias);
      out += fmt::format("      description: {}\n", each.help);
    }
  }
  out += "providers:\n    - scheme: env\n    - scheme: file\n";
  return out;
}

std::string DescribeSettings() {
  std::string out;
  for (const Component& each : Components()) {
    std::string_view kind = ComponentKindName(each.kind);
    kind.remove_suffix(1);
    out += fmt::format("### {} `{}`\n{}", kind, each.type, each.help);
    if (!each.alias.empty()) out += fmt::format(" Also as `{}`.", each.alias);
    out += "\n\n";
    if (each.table.empty()) continue;
    out += "| setting | type | default | what it does |\n|---|---|---|---|\n";
    DescribeTable(out, each.table, "");
    out += '\n';
  }
  return out;
}

}  // namespace beleg::collector
