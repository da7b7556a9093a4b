// RequestAccounts: what the records of a log say about each other: is every number that was given to a request accounted for, and do
// the server's own counters agree with its records?
//
// Shape:   fed with every record in order of index; one account a boot.
// What it can hold against a log (docs/formats/record.md, heartbeat): as of a heartbeat, each seq up to highest_seq is accepted, refused,
//          or was given and found no room. What was accepted has a record, is still open, or is `lost` after the process died.
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "audit/seq_set.h"
#include "record/audit_record.h"

namespace beleg::audit {

// A kind of gap and its text; the kinds are the members of record::Gaps.
struct Finding {
  std::string kind;
  std::string text;
};

class RequestAccounts {
 public:
  // Sums over a boot's records.
  struct Totals {
    int64_t answered = 0, failed = 0, cancelled = 0, refused = 0, lost = 0;
    int64_t input_tokens = 0, output_tokens = 0;
  };

  void Add(uint64_t index, const record::AuditRecord& record);

  // Once everything is added.
  std::vector<Finding> Findings() const;
  // nullptr: the log has no such boot.
  const Totals* Find(const BootId& boot) const;
  // Request, refused and lost records.
  int64_t requests() const { return requests_; }
  // Requests that have none, as `unrecorded` records say.
  int64_t unrecorded() const;

 private:
  struct Account {
    SeqSet seqs;
    std::vector<uint64_t> twice;  // recorded a second time; the first few
    Totals totals;
    int64_t unrecorded = 0;  // as `unrecorded` records say
    // The last heartbeat or the shutdown.
    std::optional<record::Counters> counters;
    uint64_t highest_seq = 0;
    int64_t open_requests = 0;
    bool shut_down = false, counters_fell = false;
  };

  void AddEnd(const record::AuditRecord& record, const record::RequestIdentity& id);
  void AddCounters(Account& account, const record::Counters& counters, uint64_t highest_seq, int64_t open);
  void AddBoot(uint64_t index, const record::AuditRecord& record, const record::Boot& boot);
  void CheckAccount(const BootId& id, const Account& account, std::vector<Finding>& findings) const;

  std::map<BootId, Account> accounts_;
  std::optional<BootId> newest_boot_;
  std::vector<Finding> chain_findings_;
  int64_t requests_ = 0;
};

}  // namespace beleg::audit
