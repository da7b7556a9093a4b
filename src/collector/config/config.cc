#include "collector/config/config.h"

#include <algorithm>

#include "base/bytes.h"
#include "collector/components.h"
#include "collector/config/local_address.h"
#include "net/http.h"

namespace beleg::collector {
namespace {

using wire::Yaml;

constexpr ComponentKind kKinds[] = {ComponentKind::kReceiver, ComponentKind::kProcessor,
                                    ComponentKind::kExporter, ComponentKind::kExtension};

constexpr Setting kTelemetryTable[] = {
    {"metrics.level", SettingType::kText, "normal", "none: no metrics of its own",
     "none|basic|normal|detailed"},
    {"metrics.address", SettingType::kText, "", "where its own metrics are read (form of 0.110 and older)"},
    {"metrics.readers", SettingType::kAny, "",
     "a list; pull.exporter.prometheus.{host,port} of the first counts"},
    {"logs", SettingType::kAny, "", "the log's form", "", {}, true},
    {"traces", SettingType::kAny, "", "its own traces", "", {}, true},
    {"resource", SettingType::kAny, "", "its own resource", "", {}, true},
};

class Loader {
 public:
  Loader(Config& config, Problems& problems) : config_(config), problems_(problems) {}

  void Load() {
    const Yaml& root = config_.tree;
    if (root.is_null()) return problems_.Error(root.mark, "empty configuration file");
    if (!root.is_map()) return problems_.Error(root.mark, "expected a map, got {}", root.type_name());
    for (const wire::YamlMember& member : root.members) Section(member);
    const Yaml* service = root.Find("service");
    if (service == nullptr)
      return problems_.Error(root.mark, "service::pipelines: service must have at least one pipeline");
    Service(*service);
    Unused();
    Loops();
  }

 private:
  void Section(const wire::YamlMember& section) {
    if (section.key == "service") return;
    if (section.key == "connectors" && !section.value.members.empty())
      return problems_.Error(section.mark, "connectors: there are none in this collector");
    auto kind = std::ranges::find(kKinds, section.key, ComponentKindName);
    if (kind == std::end(kKinds)) {
      if (section.key == "connectors" || section.key.starts_with("x-")) return;
      return problems_.Error(
          section.mark, "has invalid keys: {} (known: receivers, processors, exporters, extensions, service)",
          section.key);
    }
    if (section.value.is_null()) return;
    if (!section.value.is_map())
      return problems_.Error(section.value.mark, "{}: expected a map, got {}", section.key,
                             section.value.type_name());
    for (const wire::YamlMember& member : section.value.members) One(*kind, member);
  }

  void One(ComponentKind kind, const wire::YamlMember& member) {
    size_t slash = member.key.find('/');
    std::string type = member.key.substr(0, slash);
    if (type.empty() || (slash != std::string::npos && slash + 1 == member.key.size()))
      return problems_.Error(member.mark, "{}: \"{}\" is no id: want type or type/name",
                             ComponentKindName(kind), member.key);
    const Component* component = FindComponent(kind, type);
    if (component == nullptr) {
      std::string known;
      for (const Component& each : Components())
        if (each.kind == kind) known += (known.empty() ? "" : " ") + std::string(each.type);
      return problems_.Error(member.mark, "{}: unknown type: \"{}\" for id: \"{}\" (valid values: [{}])",
                             ComponentKindName(kind), type, member.key, known);
    }
    if (type == "logging")
      problems_.Warn(member.mark,
                     "exporters: the logging exporter has been deprecated, use the debug exporter instead");
    Yaml node = member.value;
    if (node.is_null()) node.mark = member.mark;
    std::string where = fmt::format("{}::{}", ComponentKindName(kind), member.key);
    Settings settings = Settings::Read(component->table, node, where, problems_);
    if (component->check != nullptr) component->check(member.key, settings, problems_);
    config_.of(kind).push_back({member.key, component, std::move(settings)});
  }

  void Service(const Yaml& service) {
    if (!service.is_map())
      return problems_.Error(service.mark, "service: expected a map, got {}", service.type_name());
    for (const wire::YamlMember& member : service.members) {
      if (member.key == "pipelines")
        Pipelines(member.value);
      else if (member.key == "extensions")
        config_.used_extensions = Names("service::extensions", member.value, ComponentKind::kExtension);
      else if (member.key == "telemetry")
        Telemetry(member.value);
      else
        problems_.Error(member.mark,
                        "service: has invalid keys: {} (known: extensions, pipelines, telemetry)",
                        member.key);
    }
    const Yaml* pipelines = service.Find("pipelines");
    if (pipelines == nullptr || pipelines->members.empty())
      problems_.Error(service.mark, "service::pipelines: service must have at least one pipeline");
  }

  void Pipelines(const Yaml& pipelines) {
    for (const wire::YamlMember& member : pipelines.members) {
      std::string type = member.key.substr(0, member.key.find('/'));
      auto signal = std::ranges::find(kSignals, type, SignalName);
      if (signal == std::end(kSignals)) {
        problems_.Error(
            member.mark,
            "service::pipelines: \"{}\": unknown pipeline signal: \"{}\" (known: traces, metrics, logs)",
            member.key, type);
        continue;
      }
      Pipeline(member, *signal);
    }
  }

  void Pipeline(const wire::YamlMember& member, Signal signal) {
    std::string where = "service::pipelines::" + member.key;
    PipelineConfig pipeline{member.key, signal, {}, {}, {}};
    for (const wire::YamlMember& list : member.value.members) {
      if (list.key == "receivers")
        pipeline.receivers = Names(where, list.value, ComponentKind::kReceiver);
      else if (list.key == "processors")
        pipeline.processors = Names(where, list.value, ComponentKind::kProcessor);
      else if (list.key == "exporters")
        pipeline.exporters = Names(where, list.value, ComponentKind::kExporter);
      else
        problems_.Error(list.mark, "{}: has invalid keys: {} (known: receivers, processors, exporters)",
                        where, list.key);
    }
    const Yaml* receivers = member.value.Find("receivers");
    const Yaml* exporters = member.value.Find("exporters");
    if (receivers == nullptr || receivers->items.empty())
      problems_.Error(member.mark, "{}: must have at least one receiver", where);
    if (exporters == nullptr || exporters->items.empty())
      problems_.Error(member.mark, "{}: must have at least one exporter", where);
    config_.pipelines.push_back(std::move(pipeline));
  }

  // Ids of a list in the service section, checked against what is defined.
  std::vector<std::string> Names(const std::string& where, const Yaml& list, ComponentKind kind) {
    std::vector<std::string> out;
    std::string_view one = ComponentKindName(kind);
    one.remove_suffix(1);
    if (!list.is_sequence() && !list.is_null())
      problems_.Error(list.mark, "{}: expected a list, got {}", where, list.type_name());
    for (const Yaml& item : list.items) {
      auto& defined = config_.of(kind);
      auto found = std::ranges::find(defined, item.text, &ComponentConfig::id);
      if (std::ranges::find(out, item.text) != out.end())
        problems_.Error(item.mark, "{}: references {} \"{}\" twice", where, one, item.text);
      else if (found != defined.end())
        out.push_back(item.text), found->used = true;
      else if (!Mentioned(kind, item.text))
        problems_.Error(item.mark, "{}: references {} \"{}\" which is not configured", where, one, item.text);
    }
    return out;
  }

  // It stands in its section, where the error is already told.
  bool Mentioned(ComponentKind kind, std::string_view id) const {
    const Yaml* section = config_.tree.Find(ComponentKindName(kind));
    return section != nullptr && section->Find(id) != nullptr;
  }

  void Telemetry(const Yaml& node) {
    Settings settings = Settings::Read(kTelemetryTable, node, "service::telemetry", problems_);
    if (settings.Has("metrics.address")) {
      problems_.Warn(settings.mark("metrics.address"),
                     "service::telemetry::metrics::address is the form of 0.110 and older; newer collectors "
                     "take readers");
      config_.metrics_listen = settings.Text("metrics.address");
    }
    const Yaml& readers = settings.Any("metrics.readers");
    if (!readers.items.empty()) Reader(readers.items[0]);
    if (settings.Text("metrics.level") == "none")
      config_.metrics_listen.clear();
    else if (!ParseHostPort(config_.metrics_listen))
      problems_.Error(settings.mark("metrics.address"), "service::telemetry::metrics: \"{}\" is no host:port",
                      config_.metrics_listen);
  }

  void Reader(const Yaml& reader) {
    const Yaml* at = &reader;
    for (std::string_view step : {"pull", "exporter", "prometheus"}) {
      at = at->Find(step);
      if (at == nullptr)
        return problems_.Warn(
            reader.mark, "service::telemetry::metrics::readers: only pull::exporter::prometheus is known");
    }
    const Yaml* host = at->Find("host");
    const Yaml* port = at->Find("port");
    config_.metrics_listen = fmt::format("{}:{}", host != nullptr ? host->text : "localhost",
                                         port != nullptr ? port->text : "8888");
  }

  void Unused() {
    if (problems_.has_errors()) return;  // who has to mend a pipeline knows
    for (ComponentKind kind : kKinds)
      for (const ComponentConfig& each : config_.of(kind))
        if (!each.used)
          problems_.Warn(each.settings.mark(), "{}: defined, but no pipeline uses it", each.settings.where());
  }

  // An exporter that reaches a port of this very collector would feed it its own data for ever.
  void Loops() {
    for (const ComponentConfig& exporter : config_.exporters) {
      if (!exporter.used || exporter.component->dials == nullptr) continue;
      auto dialed = exporter.component->dials(exporter.settings);
      auto own =
          std::ranges::find_if(dialed, [this](const std::string& endpoint) { return ListensOn(endpoint); });
      if (own == dialed.end()) continue;
      problems_.Error(
          exporter.settings.mark("endpoint"),
          "{}::endpoint: \"{}\" is this collector's own receiver: what it sends would come back for ever",
          exporter.settings.where(), *own);
    }
  }

  bool ListensOn(const std::string& endpoint) const {
    auto to = ParseHostPort(endpoint);
    if (!to || !IsLocalHost(to->host)) return false;
    for (const ComponentConfig& receiver : config_.receivers) {
      if (!receiver.used || receiver.component->listens == nullptr) continue;
      for (const std::string& listened : receiver.component->listens(receiver.settings)) {
        auto on = ParseHostPort(listened);
        if (on && on->port == to->port && on->port != 0) return true;
      }
    }
    return false;
  }

  Config& config_;
  Problems& problems_;
};

}  // namespace

std::vector<ComponentConfig>& Config::of(ComponentKind kind) {
  switch (kind) {
    case ComponentKind::kReceiver: return receivers;
    case ComponentKind::kProcessor: return processors;
    case ComponentKind::kExporter: return exporters;
    case ComponentKind::kExtension: break;
  }
  return extensions;
}

std::optional<Config> LoadConfig(std::string_view text, std::string_view file, const Environment& environment,
                                 Problems& problems) {
  Result<Yaml> tree = Yaml::Parse(text, file);
  if (!tree) {
    // The message has the place already; a problem has it apart.
    std::string message = tree.error().message;
    if (message.starts_with(file) && message.size() > file.size()) message.erase(0, file.size() + 1);
    Yaml::Mark at;
    if (std::sscanf(message.c_str(), "%d:%d: ", &at.line, &at.column) == 2)
      message.erase(0, message.find(": ") + 2);
    problems.Error(at, "{}", message);
    return std::nullopt;
  }
  Config config;
  config.tree = std::move(*tree);
  ExpandEnvironment(config.tree, environment, problems);
  Loader(config, problems).Load();
  if (problems.has_errors()) return std::nullopt;
  return config;
}

std::optional<HostPort> ParseHostPort(std::string_view endpoint) {
  if (size_t scheme = endpoint.find("://"); scheme != std::string_view::npos) {
    auto url = net::ParseUrl(endpoint);
    if (!url) return std::nullopt;
    return HostPort{url->host, url->port};
  }
  size_t colon = endpoint.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto port = ParseUint64(endpoint.substr(colon + 1));
  if (!port || *port > 65'535) return std::nullopt;
  std::string_view host = endpoint.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return HostPort{std::string(host), static_cast<uint16_t>(*port)};
}

}  // namespace beleg::collector
