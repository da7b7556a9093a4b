#include "sim/peer.h"

#include "wire/otlp.h"

namespace beleg::sim {
namespace {

using serve::SpanExport;

// Which leaf a server span is of, as its attributes say; nullopt for other spans.
std::optional<SentLeaf> LeafOf(const wire::otlp::Span& span) {
  std::optional<int64_t> index;
  std::optional<Hash32> hash;
  for (const auto& [key, value] : span.attributes) {
    if (key == "audit.log.index")
      if (const auto* number = std::get_if<int64_t>(&value.value)) index = *number;
    if (key == "audit.leaf_hash")
      if (const auto* hex = std::get_if<std::string>(&value.value))
        if (auto bytes = HexDecode(*hex))
          if (auto array = ToArray<32>(*bytes)) hash = *array;
  }
  if (!index || !hash) return std::nullopt;
  return SentLeaf{static_cast<uint64_t>(*index), *hash};
}

std::vector<SentLeaf> LeavesOf(World& world, std::string_view request) {
  std::vector<SentLeaf> leaves;
  auto scopes = wire::otlp::DecodeTraces(request);
  if (!scopes) {
    world.Find("the exporter's request is no OTLP: {}", scopes.error().message);
    return leaves;
  }
  for (const auto& scope : *scopes)
    for (const auto& span : scope.spans)
      if (auto leaf = LeafOf(span)) leaves.push_back(*leaf);
  return leaves;
}

}  // namespace

SpanExport::Answer Peer::Send(std::string_view request) {
  world_.stats.Count("export.requests");
  const std::vector<SentLeaf> leaves = LeavesOf(world_, request);
  for (const auto& [index, hash] : leaves) model_.Sends(index, hash);
  if (world_.Below(2) == 0) TakeTheLate();
  if (!network_is_well_) {
    if (down_for_ == 0 && world_.Happens(world_.profile().network_errors / 8))
      down_for_ = 1 + world_.Below(12);
    if (down_for_ > 0) {
      --down_for_;
      world_.stats.Count("fault.peer_down");
      return SpanExport::Answer::kRetry;
    }
    if (world_.Happens(world_.profile().network_errors / 2)) {
      world_.stats.Count("fault.request_lost");
      if (world_.Below(2) == 0) late_ = leaves;
      return SpanExport::Answer::kRetry;
    }
  }
  for (const auto& [index, hash] : leaves) {
    if (!WillNeverTake(hash)) continue;
    world_.stats.Count("fault.record_refused");
    if (leaves.size() == 1) model_.refused.insert(index);
    return SpanExport::Answer::kWrong;
  }
  for (const auto& [index, hash] : leaves) model_.Takes(index, hash);
  if (!network_is_well_ && world_.Happens(world_.profile().network_errors / 2)) {
    world_.stats.Count("fault.answer_lost");
    return SpanExport::Answer::kRetry;
  }
  return SpanExport::Answer::kTaken;
}

// Nobody waits for the answer to it any more.
void Peer::TakeTheLate() {
  const std::vector<SentLeaf> late = std::exchange(late_, {});
  if (late.empty()) return;
  world_.stats.Count("fault.request_late");
  for (const auto& [index, hash] : late)
    if (WillNeverTake(hash)) return;
  for (const auto& [index, hash] : late) model_.Takes(index, hash);
}

bool Peer::WillNeverTake(const Hash32& leaf_hash) const {
  return leaf_hash[0] % 100u < world_.profile().wrong_records;
}

}  // namespace beleg::sim
