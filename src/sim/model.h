// What the world outside was told: the reference that the log is held to after every crash.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "ledger/wal_format.h"
#include "sim/world.h"
#include "verify/note.h"

namespace beleg::sim {

class Model {
 public:
  explicit Model(World& world) : world_(world) {}

  struct Begun {
    RequestId request_id;
    bool is_acknowledged = false;
    bool is_refused = false;
    std::string end;  // the record that Finish was given; "": none yet
    bool is_end_acknowledged = false;
  };

  // A client's call enters the server's queue: the place of its leaf in the order of append.
  uint64_t NextPlace() { return ++last_place_; }
  void Begins(const ledger::RequestKey& key, const RequestId& request_id) {
    begun[key].request_id = request_id;
  }
  // An answer. Indexes are given once, and in the order of the places.
  void Acknowledged(uint64_t place, uint64_t index, const std::string& leaf);
  void NewLife() { last_acknowledged_place_ = 0; }

  // The log's key, which never changes.
  void HasKey(const std::string& vkey);

  // A checkpoint of the log as verify/ opens it; the same bytes are opened once. (A signature costs as much as a whole group.)
  Result<verify::Checkpoint> Opens(const std::string& note);

  // A checkpoint that strangers may have read.
  void Saw(uint64_t size, const Hash32& root);
  // It was durable when they read it: the log's checkpoint never gets smaller.
  void Published(uint64_t size, const Hash32& root);

  // The exporter sends this leaf.
  void Sends(uint64_t index, const Hash32& leaf_hash);
  // The peer takes it.
  void Takes(uint64_t index, const Hash32& leaf_hash);
  // The exporter's cursor stands here for good.
  void CursorIsDurable(uint64_t next);

  std::map<ledger::RequestKey, Begun> begun;
  std::map<uint64_t, std::string> acknowledged;  // leaf by index
  std::set<std::string> not_taken;               // leaves whose caller was given an error
  std::map<uint64_t, Hash32> checkpoints;        // root by size
  uint64_t published_size = 0;
  std::string vkey;  // "": none was ever durable
  uint64_t cursor = 0;
  std::map<uint64_t, Hash32> taken;  // by the exporter's peer: leaf hash by index
  std::set<uint64_t> refused;        // leaves that the peer will not take

 private:
  World& world_;
  std::map<std::string, verify::Checkpoint> opened_;  // by note
  uint64_t last_place_ = 0;
  uint64_t last_acknowledged_place_ = 0, last_acknowledged_index_ = 0;
};

}  // namespace beleg::sim
