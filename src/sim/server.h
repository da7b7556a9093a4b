// One life of a server's process: LedgerCore and SpanExport, driven call by call as the ledger's threads, the exporter's and the
// clients' would drive them.
//
// What runs at once in the real process may come in between at each call to the disk: then another of the threads takes a step.
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ledger/ledger_core.h"
#include "serve/span_export.h"
#include "sim/model.h"
#include "sim/mutation.h"
#include "sim/peer.h"
#include "sim/process_disk.h"

namespace beleg::sim {

inline constexpr const char* kLogFolder = "/var/lib/beleg/log";

ledger::LedgerOptions LogOptions(World& world, io::FileSystem& disk);

class Server {
 public:
  Server(World& world, Model& model, Peer& peer, Mutation mutation, uint64_t life);

  // Recovers and writes the records of a boot. False: the process ended in it.
  bool Start();
  // One thread does one thing. False: the process has ended.
  bool Step();
  // Waits for what runs, writes the shutdown record, publishes the rest.
  void Stop();
  // Publishes and exports all there is, on a disk that works.
  void Drain();

  ledger::LedgerCore* core() { return core_.get(); }
  const std::string& why_it_ended() const { return why_; }

 private:
  // What may run while another of them does.
  enum Actor { kWriter, kPublisher, kExporter, kClients, kCompressor, kActorCount };
  void Act(Actor actor);
  bool Before(const io::DiskCall& call);
  bool MayComeBetween(Actor actor) const;

  // Clients, who end in Push.
  void ClientActs();
  void BeginRequest();
  void EndRequest();
  void AppendRecord();
  void AskForRecord();
  Result<void> CheckProof(std::string_view text, std::string_view leaf);
  void Push(ledger::Op op);
  void Watch(ledger::Op& op);

  void PushBootOp(ledger::Op& op);
  void CommitSome();
  void WriteQueue();
  std::vector<ledger::Op> Take();
  bool PublisherCatchesUp();
  void PublishSome();
  Result<void> Publish();
  void ExportSome();
  void CompressSome();
  // What heartbeats say of open requests is so.
  void CheckOpenSet();
  // An error ends the process; on a disk without trouble it is a finding.
  void Fatal(const char* where, const Error& error);

  World& world_;
  Model& model_;
  Peer& peer_;
  const Mutation mutation_;
  const BootId boot_;
  ProcessDisk disk_;
  std::unique_ptr<ledger::LedgerCore> core_;
  std::unique_ptr<serve::SpanExport> export_;
  uint64_t boot_index_ = 0;
  bool is_up_ = false;  // its boot record is durable
  bool has_ended_ = false;
  std::string why_;
  bool is_busy_[kActorCount] = {};
  bool makes_segments_ = false;  // the publisher is where the writer would wait for it
  bool publish_fails_ = false;   // the last try did
  std::deque<ledger::Op> queue_;
  uint64_t last_seq_ = 0, others_ = 0;
  std::vector<ledger::BeginFrame> running_;  // those whose client will ask for an end
  std::set<uint64_t> open_;                  // seqs begun, neither refused nor ended
};

}  // namespace beleg::sim
