#include "collector/receivers/intake.h"

namespace beleg::collector {

Intake::Intake(const std::string& id, std::string_view transport, const Outputs& outputs, const World& world)
    : outputs_(outputs) {
  for (Signal signal : kSignals) {
    auto counter = [&](std::string_view what, std::string help) {
      return &world.metrics->AddCounter(fmt::format("otelcol_receiver_{}_{}", what, ItemsName(signal)),
                                        std::move(help),
                                        {{"receiver", id}, {"transport", std::string(transport)}});
    };
    if (Has(signal))
      CountersOf(signal) = {counter("accepted", "Taken into the pipelines."),
                            counter("refused", "Not taken; the sender was told."),
                            counter("failed", "Requests that could not be read.")};
  }
}

Result<void> Intake::Take(Signal signal, std::string request) {
  Result<size_t> count = CountItems(signal, request);
  if (!count) {
    Failed(signal);
    return std::unexpected(std::move(count).error());
  }
  if (*count == 0) return {};
  Result<void> taken = outputs_.of(signal)->Consume(Data{signal, std::move(request), *count});
  (taken ? CountersOf(signal).accepted : CountersOf(signal).refused)->Add(static_cast<double>(*count));
  return taken;
}

}  // namespace beleg::collector
