#include "sim/checks.h"

#include <map>

#include "bundle/stored.h"
#include "ledger/request_index.h"
#include "record/audit_record.h"
#include "sim/server.h"
#include "verify/fsck.h"
#include "verify/proof.h"
#include "verify/tiles.h"
#include "wire/sha256.h"

namespace beleg::sim {
namespace {

using Leaves = std::vector<std::string>;

verify::TileSource PublicFiles(World& world) {
  return [&world](const std::string& path) {
    return bundle::ReadLogFile(world.disk, fmt::format("{}/public", kLogFolder), path);
  };
}

// nullopt: no checkpoint is there, or it is none, which is a finding.
std::optional<verify::Checkpoint> ReadCheckpoint(World& world, Model& model) {
  auto note = PublicFiles(world)("checkpoint");
  if (!note) {
    world.Find("a checkpoint of size {} was published, none is there", model.published_size);
    return std::nullopt;
  }
  auto checkpoint = model.Opens(*note);
  if (checkpoint) return *checkpoint;
  world.Find("{}", checkpoint.error().message);
  return std::nullopt;
}

Leaves ReadLeaves(World& world, ledger::LedgerCore& core) {
  Leaves leaves;
  while (leaves.size() < core.durable_size()) {
    auto part = core.Read(leaves.size(), 1000, 1 << 20);
    if (!part || part->empty()) {
      world.Find("leaf {} is missing: {}", leaves.size(), part ? "no bytes" : part.error().message);
      break;
    }
    for (ledger::Leaf& leaf : *part) {
      if (leaf.index != leaves.size()) world.Find("leaf {} comes at {}", leaf.index, leaves.size());
      leaves.push_back(std::move(leaf.bytes));
    }
  }
  return leaves;
}

Leaves Recover(World& world, Model& model) {
  auto core = ledger::LedgerCore::Open(LogOptions(world, world.disk));
  if (!core) {
    world.Find("no recovery on a disk that works: {}", core.error().message);
    return {};
  }
  model.HasKey((*core)->vkey());
  const auto published = (*core)->published();
  model.Published(published->size(), published->root);
  return ReadLeaves(world, **core);
}

void CheckAcknowledged(World& world, const Model& model, const Leaves& leaves) {
  for (const auto& [index, leaf] : model.acknowledged)
    if (index >= leaves.size())
      return world.Find("leaf {} was acknowledged, the log has {}", index, leaves.size());
    else if (leaves[index] != leaf)
      return world.Find("leaf {} was acknowledged and has changed", index);
}

// An error is a promise as well: what was refused is not there.
void CheckRefused(World& world, const Model& model, const Leaves& leaves) {
  for (uint64_t index = 0; index < leaves.size(); ++index)
    if (model.not_taken.contains(leaves[index]))
      return world.Find("leaf {} is there, though its caller was given an error", index);
}

// Every checkpoint that was ever seen is one of these leaves, and a proof leads from it to the newest.
void CheckCheckpoints(World& world, Model& model, const Leaves& leaves) {
  verify::RootHasher hasher;
  for (auto it = model.checkpoints.begin(); it != model.checkpoints.end(); ++it) {
    if (it->first > leaves.size())
      return world.Find("a checkpoint covered {} leaves, the log has {}", it->first, leaves.size());
    while (hasher.size() < it->first) hasher.Add(wire::MerkleLeafHash(leaves[hasher.size()]));
    if (hasher.Root() != it->second)
      return world.Find("the checkpoint of size {} is of other leaves", it->first);
  }
  auto newest = ReadCheckpoint(world, model);
  if (!newest) return;
  verify::TileReader reader(PublicFiles(world), *newest);
  for (const auto& [size, root] : model.checkpoints) {
    auto proof = reader.ConsistencyProof(size);
    auto shown = proof ? verify::CheckConsistency(size, root, newest->size, newest->root, *proof)
                       : Result<void>(std::unexpected<Error>(proof.error()));
    if (!shown)
      return world.Find("no way from checkpoint {} to {}: {}", size, newest->size, shown.error().message);
  }
}

// One record a request; for each begun one there is one.
void CheckRequests(World& world, const Model& model, ledger::LedgerCore& core, const Leaves& leaves) {
  std::map<RequestId, uint64_t> records;
  for (uint64_t index = 0; index < leaves.size(); ++index) {
    auto id = ledger::RequestIdOf(leaves[index]);
    if (id && !records.emplace(*id, index).second)
      return world.Find("leaves {} and {} are of one request", records[*id], index);
  }
  for (const auto& [key, begun] : model.begun) {
    auto record = records.find(begun.request_id);
    if (record == records.end()) {
      if (begun.is_acknowledged) return world.Find("seq {} was begun and has no record", key.seq);
      continue;
    }
    if (begun.is_refused) return world.Find("seq {} was refused and has a record", key.seq);
    if (begun.is_end_acknowledged && leaves[record->second] != begun.end)
      return world.Find("seq {} was ended, its record is another", key.seq);
    const auto kind = record::Decode(leaves[record->second]);
    if (begun.end.empty() && kind && !std::holds_alternative<record::Lost>(kind->body))
      return world.Find("seq {} was never ended, its record is no lost one", key.seq);
    if (world.Below(16) != 0) continue;
    if (auto found = core.FindRequest(begun.request_id); !found || *found != record->second)
      return world.Find("seq {} has its record at {}, and the index does not say so", key.seq,
                        record->second);
  }
}

// The log tells its own story: a boot first, then its key; each boot knows the one before it and how many requests that lost.
void CheckStory(World& world, const Leaves& leaves) {
  std::optional<record::AuditRecord> before;
  std::map<BootId, int64_t> lost_left;  // of boots whose record has come
  for (uint64_t index = 0; index < leaves.size(); ++index) {
    auto record = record::Decode(leaves[index]);
    if (!record) return world.Find("leaf {} is no record: {}", index, record.error().message);
    if (const auto* boot = std::get_if<record::Boot>(&record->body)) {
      if (lost_left.contains(record->boot)) return world.Find("leaf {}: a second boot record", index);
      lost_left[record->boot] = boot->lost_requests;
      const bool knows = before ? boot->previous_boot == before->boot : !boot->previous_boot;
      const bool was_clean = before && std::holds_alternative<record::Shutdown>(before->body);
      if (!knows || boot->previous_clean != was_clean)
        return world.Find("leaf {}: not the boot before it", index);
    }
    if (!lost_left.contains(record->boot)) return world.Find("leaf {} is of a boot without a record", index);
    if (std::holds_alternative<record::Lost>(record->body) && --lost_left[record->boot] < 0)
      return world.Find("leaf {}: more lost requests than its boot says", index);
    if (std::holds_alternative<record::Key>(record->body) != (index == 1))
      return world.Find("leaf {}: a key record belongs at leaf 1", index);
    before = std::move(*record);
  }
  if (leaves.size() < 2) world.Find("the log is empty");
}

// Nothing was passed over.
void CheckExport(World& world, const Model& model, const Leaves& leaves) {
  for (uint64_t index = 0; index < leaves.size(); ++index) {
    auto taken = model.taken.find(index);
    if (taken != model.taken.end() && taken->second != wire::MerkleLeafHash(leaves[index]))
      return world.Find("leaf {} was exported and has changed", index);
    if (ledger::RequestIdOf(leaves[index]) && taken == model.taken.end() && !model.refused.contains(index))
      return world.Find("leaf {} was never exported", index);
  }
  if (!model.taken.empty() && model.taken.rbegin()->first >= leaves.size())
    world.Find("leaf {} was exported and is gone", model.taken.rbegin()->first);
}

}  // namespace

void CheckPublicFiles(World& world, Model& model, bool whole) {
  if (model.vkey.empty()) return;
  auto checkpoint = ReadCheckpoint(world, model);
  if (!checkpoint) return;
  if (checkpoint->size < model.published_size)
    world.Find("the checkpoint on disk is of size {}, {} was published", checkpoint->size,
               model.published_size);
  model.Saw(checkpoint->size, checkpoint->root);
  if (!whole) return;
  auto report = verify::Fsck(PublicFiles(world), *verify::ParseVerifierKey(model.vkey));
  if (!report) return world.Find("the published log cannot be read: {}", report.error().message);
  if (!report->findings.empty()) world.Find("the published log: {}", report->findings[0]);
}

void CheckRecovery(World& world, Model& model) {
  world.stats.Count("checks.recovery");
  const Leaves leaves = Recover(world, model);
  CheckAcknowledged(world, model, leaves);
  world.disk.Kill();
  const auto once = world.disk.Contents();
  if (Recover(world, model) != leaves) world.Find("a second recovery gives other leaves");
  world.disk.Kill();
  const auto twice = world.disk.Contents();
  for (const auto& [path, bytes] : twice)
    if (auto it = once.find(path); it == once.end() || it->second != bytes)
      world.Find("a second recovery changes {}", path);
  if (once.size() != twice.size()) world.Find("a second recovery removes files");
  if (world.Below(2) == 0) return;
  world.disk.CutPower();
  if (Recover(world, model) != leaves)
    world.Find("what a recovery gave is not what a power cut leaves of it");
  world.disk.Kill();
}

void CheckLog(World& world, Model& model, ledger::LedgerCore& core) {
  world.stats.Count("checks.whole_log");
  const Leaves leaves = ReadLeaves(world, core);
  world.stats.Count("work.leaves", leaves.size());
  CheckAcknowledged(world, model, leaves);
  CheckRefused(world, model, leaves);
  CheckPublicFiles(world, model, true);
  CheckCheckpoints(world, model, leaves);
  CheckStory(world, leaves);
  CheckRequests(world, model, core, leaves);
  CheckExport(world, model, leaves);
  if (!core.open_requests().All().empty()) world.Find("a request is open after the last boot");
}

}  // namespace beleg::sim
