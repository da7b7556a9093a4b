#include "ledger/probe.h"

namespace beleg::ledger {
namespace {

const std::vector<double> kSizes = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
const std::vector<double> kSeconds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                      0.01,   0.025,   0.05,   0.1,   0.25,   1};

}  // namespace

Probe::Probe(MetricRegistry* registry)
    : own_registry_(registry != nullptr ? nullptr : std::make_unique<MetricRegistry>()),
      registry_(registry != nullptr ? *registry : *own_registry_),
      leaves(registry_.AddCounter("beleg_ledger_leaves_total", "Leaves acknowledged.")),
      groups(registry_.AddCounter("beleg_ledger_groups_total", "Commit groups written and synced.")),
      refused(
          registry_.AddCounter("beleg_ledger_refused_total", "Begins and appends refused for want of room.")),
      group_size(registry_.AddHistogram("beleg_ledger_group_size", "Frames in a commit group.", kSizes)),
      fsync_seconds(registry_.AddHistogram("beleg_ledger_fsync_seconds",
                                           "Write and fdatasync of a commit group.", kSeconds)),
      publish_seconds(registry_.AddHistogram("beleg_ledger_publish_seconds",
                                             "Tiles, bundles and checkpoint of one publication.", kSeconds)),
      open_requests(registry_.AddGauge("beleg_ledger_open_requests",
                                       "Requests whose begin is durable and whose end is not.")),
      wal_bytes(registry_.AddGauge("beleg_ledger_wal_bytes", "Size of the write-ahead log on disk.")),
      size(registry_.AddGauge("beleg_ledger_size", "Leaves acknowledged since inception.")),
      published_size(
          registry_.AddGauge("beleg_ledger_published_size", "Leaves under the newest checkpoint.")) {}

}  // namespace beleg::ledger
