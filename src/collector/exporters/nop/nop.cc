#include "collector/exporters/nop/nop.h"

namespace beleg::collector {
namespace {

class Nop final : public Exporter {
 public:
  Result<void> Consume(Data&&) override { return {}; }
};

}  // namespace

Component NopExporter() {
  Component out{ComponentKind::kExporter, "nop", "", "Takes everything and forgets it.", {}};
  out.exporter = [](const std::string&, const Settings&, Signal,
                    const World&) -> Result<std::unique_ptr<Exporter>> { return std::make_unique<Nop>(); };
  return out;
}

}  // namespace beleg::collector
