// A collector's configuration: one YAML file in the OpenTelemetry Collector's form, read, expanded and checked whole.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/component.h"
#include "collector/config/environment.h"

namespace beleg::collector {

struct ComponentConfig {
  std::string id;  // "otlp", "otlp/second"
  const Component* component;
  Settings settings;
  bool used = false;
};

struct PipelineConfig {
  std::string id;  // "traces", "traces/second"
  Signal signal;
  std::vector<std::string> receivers, processors, exporters;
};

struct Config {
  std::vector<ComponentConfig> receivers, processors, exporters, extensions;
  std::vector<std::string> used_extensions;
  std::vector<PipelineConfig> pipelines;
  std::string metrics_listen = "localhost:8888";  // "": no metrics of its own
  wire::Yaml tree;                                // the file after expansion

  std::vector<ComponentConfig>& of(ComponentKind kind);
  const std::vector<ComponentConfig>& of(ComponentKind kind) const {
    return const_cast<Config*>(this)->of(kind);
  }
};

// nullopt when problems has errors. file is for its messages about YAML. All problems are reported, not the first alone.
std::optional<Config> LoadConfig(std::string_view text, std::string_view file, const Environment& environment,
                                 Problems& problems);

// The host and port of "host:port", "http://host:port/path"; nullopt for another form.
struct HostPort {
  std::string host;
  uint16_t port;
};
std::optional<HostPort> ParseHostPort(std::string_view endpoint);

}  // namespace beleg::collector
