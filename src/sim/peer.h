// The exporter's peer behind a bad network: requests and answers get lost, requests come late, it is down or busy, some records it never
// takes.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "serve/span_export.h"
#include "sim/model.h"

namespace beleg::sim {

using SentLeaf = std::pair<uint64_t, Hash32>;  // index, hash

class Peer {
 public:
  Peer(World& world, Model& model) : world_(world), model_(model) {}

  serve::SpanExport::Answer Send(std::string_view request);
  // From now on the network is well.
  void HealNetwork() { network_is_well_ = true; }

 private:
  void TakeTheLate();
  bool WillNeverTake(const Hash32& leaf_hash) const;

  World& world_;
  Model& model_;
  uint64_t down_for_ = 0;       // requests
  std::vector<SentLeaf> late_;  // of a request that was given up for lost and is under way
  bool network_is_well_ = false;
};

}  // namespace beleg::sim
