#include "collector/exporters/debug/debug.h"

namespace beleg::collector {
namespace {

constexpr Setting kTable[] = {
    {"verbosity", SettingType::kText, "basic",
     "how much is printed of each batch; of metrics and logs always the count", "basic|normal|detailed"},
    {"loglevel", SettingType::kText, "", "0.85's name of it: debug is detailed", "debug|info|warn|error"},
    {"sampling_initial", SettingType::kCount, "2", "messages of each second", "", {}, true},
    {"sampling_thereafter", SettingType::kCount, "1", "and each so-many-th after them", "", {}, true},
    {"use_internal_logger", SettingType::kBool, "true", "through the log", "", {}, true},
};

class Debug final : public Exporter {
 public:
  Debug(std::string id, bool detailed, const World& world)
      : id_(std::move(id)), detailed_(detailed), world_(world) {}

  Result<void> Consume(Data&& data) override {
    std::string text = fmt::format("{}: {}, {} {}, {} bytes\n", id_, SignalName(data.signal), data.items,
                                   ItemsName(data.signal), data.bytes.size());
    if (detailed_ && data.signal == Signal::kTraces) text += DescribeTraces(data.bytes);
    world_.print(text);
    return {};
  }

 private:
  const std::string id_;
  const bool detailed_;
  const World& world_;
};

Result<std::unique_ptr<Exporter>> Make(const std::string& id, const Settings& settings, Signal,
                                       const World& world) {
  bool detailed = settings.Text("verbosity") == "detailed" || settings.Text("loglevel") == "debug";
  return std::make_unique<Debug>(id, detailed, world);
}

}  // namespace

Component DebugExporter() {
  Component out{ComponentKind::kExporter, "debug", "logging", "Prints what passes on stderr.", kTable};
  out.exporter = Make;
  return out;
}

}  // namespace beleg::collector
