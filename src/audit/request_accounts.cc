#include "audit/request_accounts.h"

#include <array>

namespace beleg::audit {
namespace {

constexpr size_t kTwiceMax = 5;

bool Fell(const record::Counters& before, const record::Counters& now) {
  return now.accepted < before.accepted || now.answered < before.answered || now.failed < before.failed ||
         now.cancelled < before.cancelled || now.refused < before.refused || now.no_room < before.no_room;
}

}  // namespace

void RequestAccounts::Add(uint64_t index, const record::AuditRecord& record) {
  if (const record::RequestIdentity* id = record::IdentityOf(record)) return AddEnd(record, *id);
  if (const auto* boot = std::get_if<record::Boot>(&record.body)) return AddBoot(index, record, *boot);
  Account& account = accounts_[record.boot];
  if (const auto* beat = std::get_if<record::Heartbeat>(&record.body))
    AddCounters(account, beat->counters, beat->highest_seq, beat->open_requests);
  if (const auto* shutdown = std::get_if<record::Shutdown>(&record.body)) {
    AddCounters(account, shutdown->counters, shutdown->highest_seq, 0);
    account.shut_down = true;
  }
  if (const auto* unrecorded = std::get_if<record::Unrecorded>(&record.body))
    account.unrecorded += unrecorded->requests;
}

void RequestAccounts::AddEnd(const record::AuditRecord& record, const record::RequestIdentity& id) {
  ++requests_;
  Account& account = accounts_[record::BootOfRequest(record)];
  if (!account.seqs.Add(id.seq) && account.twice.size() < kTwiceMax) account.twice.push_back(id.seq);
  Totals& totals = account.totals;
  if (std::holds_alternative<record::Lost>(record.body)) ++totals.lost;
  if (std::holds_alternative<record::Refused>(record.body)) ++totals.refused;
  const auto* request = std::get_if<record::Request>(&record.body);
  if (request == nullptr) return;
  totals.input_tokens += request->input_tokens;
  totals.output_tokens += request->output_tokens;
  switch (request->outcome) {
    case record::Outcome::kOk: ++totals.answered; break;
    case record::Outcome::kFailed: ++totals.failed; break;
    case record::Outcome::kCancelled: ++totals.cancelled; break;
  }
}

void RequestAccounts::AddCounters(Account& account, const record::Counters& counters, uint64_t highest_seq,
                                  int64_t open) {
  account.counters_fell |= account.counters && Fell(*account.counters, counters);
  account.counters = counters;
  account.highest_seq = highest_seq;
  account.open_requests = open;
}

void RequestAccounts::AddBoot(uint64_t index, const record::AuditRecord& record, const record::Boot& boot) {
  if (boot.previous_boot != newest_boot_)
    chain_findings_.push_back(
        {"seq_holes", fmt::format("leaf {}: the process before is said to be {}, the log has {} there", index,
                                  boot.previous_boot ? boot.previous_boot->Hex() : "none",
                                  newest_boot_ ? newest_boot_->Hex() : "none")});
  newest_boot_ = record.boot;
  accounts_[record.boot];
}

std::vector<Finding> RequestAccounts::Findings() const {
  std::vector<Finding> findings = chain_findings_;
  for (const auto& [id, account] : accounts_) CheckAccount(id, account, findings);
  return findings;
}

int64_t RequestAccounts::unrecorded() const {
  int64_t sum = 0;
  for (const auto& [boot, account] : accounts_) sum += account.unrecorded;
  return sum;
}

const RequestAccounts::Totals* RequestAccounts::Find(const BootId& boot) const {
  auto account = accounts_.find(boot);
  return account == accounts_.end() ? nullptr : &account->second.totals;
}

void RequestAccounts::CheckAccount(const BootId& id, const Account& account,
                                   std::vector<Finding>& findings) const {
  const auto find = [&]<class... Args>(std::string kind, fmt::format_string<Args...> format, Args&&... args) {
    findings.push_back({std::move(kind), fmt::format("boot {}: {}", id.Hex(),
                                                     fmt::format(format, std::forward<Args>(args)...))});
  };
  if (!account.twice.empty()) find("seq_holes", "seq {} has two records", account.twice[0]);
  if (account.counters_fell) find("counters", "a later heartbeat counts less than an earlier one");
  if (!account.counters) return;  // not a second old: nothing was said yet
  const record::Counters& counters = *account.counters;
  const Totals& totals = account.totals;

  const int64_t given = static_cast<int64_t>(account.highest_seq);
  const int64_t unplaced = given - counters.accepted - counters.refused;
  if (unplaced < 0 || (account.shut_down && unplaced > counters.no_room + account.unrecorded))
    find("counters", "{} numbers were given, {} accepted, {} refused, {} found no room", given,
         counters.accepted, counters.refused, counters.no_room);
  // Open ones may still be so while the process runs; after it died they are lost records.
  const int64_t open = id == newest_boot_ && !account.shut_down ? account.open_requests : 0;
  const int64_t missing = static_cast<int64_t>(account.seqs.MissingUpTo(account.highest_seq));
  if (missing > std::max<int64_t>(unplaced, 0) + open)
    find("seq_holes", "{} of the numbers 1 to {} have no record, {} would be explained: {}", missing,
         account.highest_seq, std::max<int64_t>(unplaced, 0) + open,
         account.seqs.FirstHoles(account.highest_seq));

  struct Pair {
    const char* name;
    int64_t counted, recorded;
  };
  for (const auto& [name, counted, recorded] :
       std::array<Pair, 4>{{{"answered", counters.answered, totals.answered},
                            {"failed", counters.failed, totals.failed},
                            {"cancelled", counters.cancelled, totals.cancelled},
                            {"refused", counters.refused, totals.refused}}})
    if (recorded < counted || (account.shut_down && recorded != counted))
      find("counters", "{} {} by its counters, {} by records", counted, name, recorded);
}

}  // namespace beleg::audit
