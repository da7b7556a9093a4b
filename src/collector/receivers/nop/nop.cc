#include "collector/receivers/nop/nop.h"

namespace beleg::collector {

Component NopReceiver() {
  Component out{ComponentKind::kReceiver, "nop", "", "Never has data.", {}};
  out.receiver = [](const std::string&, const Settings&, const Outputs&,
                    const World&) -> Result<std::unique_ptr<Receiver>> {
    return std::make_unique<Receiver>();
  };
  return out;
}

}  // namespace beleg::collector
