#include "audit/resolve.h"

#include <algorithm>

#include "audit/report_text.h"
#include "record/request_id.h"
#include "wire/sha256.h"

namespace beleg::audit {
namespace {

using verify::BeginClaim;
using verify::FinishClaim;

Judgement Good(std::string text) { return {Verdict::kGood, std::move(text)}; }
Judgement Bad(std::string text) { return {Verdict::kBad, std::move(text)}; }
Judgement Unknown(std::string text) { return {Verdict::kUnknown, std::move(text)}; }

}  // namespace

void Resolver::Want(const verify::Receipt& receipt) {
  if (const auto* begin = std::get_if<BeginClaim>(&receipt.claim)) {
    wanted_requests_.insert(begin->request_id);
    return;
  }
  const auto& finish = std::get<FinishClaim>(receipt.claim);
  leaves_[finish.index] = {};
  if (finish.request_id) wanted_requests_.insert(*finish.request_id);
}

void Resolver::Want(const verify::Checkpoint& checkpoint) { roots_[checkpoint.size] = {}; }

Result<void> Resolver::Scan(const LogPlace& place, const verify::Policy& policy, const Clock& clock) {
  // Before the log is asked: what is promised for later cannot be missing.
  const int64_t looked_unix_us = place.is_url() ? clock.UnixMicros() : 0;
  TRY_ASSIGN(LogScan log,
             ScanLog(place, policy, [this](uint64_t index, std::string_view entry) { Look(index, entry); }));
  TRY(ExpectAllEntries(place, log));
  EndScan(std::move(log), looked_unix_us);
  return {};
}

void Resolver::Look(uint64_t index, std::string_view entry) {
  KeepRoot(index);
  if (!roots_.empty()) tree_.Add(wire::MerkleLeafHash(entry));
  if (auto leaf = leaves_.find(index); leaf != leaves_.end()) leaf->second = wire::MerkleLeafHash(entry);
  auto record = record::Decode(entry);
  if (!record) return;  // a newer version's: no type of it is a request's
  last_record_us_ = record->time_us;
  auto id = record::RequestIdOf(*record);
  if (id && wanted_requests_.contains(*id))
    found_.try_emplace(*id, Found{index, record->time_us, std::string(record::TypeName(record->body))});
}

void Resolver::EndScan(LogScan log, int64_t looked_unix_us) {
  KeepRoot(log.head.checkpoint.size);
  log_ = std::move(log);
  looked_unix_us_ = looked_unix_us;
}

void Resolver::KeepRoot(uint64_t size) {
  if (auto root = roots_.find(size); root != roots_.end()) root->second = tree_.Root();
}

Judgement Resolver::Judge(const verify::Receipt& receipt) const {
  if (!log_.findings.empty()) return Unknown("the log is damaged, so it can show nothing about this receipt");
  if (receipt.origin != log_.head.checkpoint.origin)
    return Unknown(
        fmt::format("a receipt of {}, and the log is {}", receipt.origin, log_.head.checkpoint.origin));
  if (const auto* begin = std::get_if<BeginClaim>(&receipt.claim)) return JudgeBegin(*begin);
  return JudgeFinish(std::get<FinishClaim>(receipt.claim));
}

Judgement Resolver::JudgeBegin(const BeginClaim& claim) const {
  if (auto found = found_.find(claim.request_id); found != found_.end()) {
    const auto& [index, time_us, type] = found->second;
    const int64_t late_us = time_us - claim.resolved_by_us;
    return Good(
        fmt::format("resolved at leaf {} ({} record){}", index, type,
                    late_us > 0 ? fmt::format(", {} s later than promised", late_us / 1'000'000) : ""));
  }
  const std::string shown = ShownLaterThan(claim.resolved_by_us);
  if (shown.empty())
    return Unknown(
        fmt::format("not yet due: a record is promised by {}, and nothing shows that the {} is of later",
                    FormatUtc(claim.resolved_by_us), HeadText()));
  return Bad(fmt::format(
      "missing: request {} was promised a record by {}, {}, and the {} has none; this receipt and "
      "this checkpoint together prove the omission",
      claim.request_id.Hex(), FormatUtc(claim.resolved_by_us), shown, HeadText()));
}

Judgement Resolver::JudgeFinish(const FinishClaim& claim) const {
  const Hash32& leaf = leaves_.at(claim.index);
  if (claim.index < log_.head.checkpoint.size) {
    if (leaf == claim.leaf_hash) return Good(fmt::format("it is leaf {} of the log", claim.index));
    return Bad(fmt::format(
        "changed: leaf {} of the {} has the hash {}, the receipt says {}; both are signed, so the "
        "log was rewritten",
        claim.index, HeadText(), HexEncode(AsView(leaf)), HexEncode(AsView(claim.leaf_hash))));
  }
  const auto found = claim.request_id ? found_.find(*claim.request_id) : found_.end();
  if (found != found_.end())
    return Bad(fmt::format(
        "changed: the request is leaf {} of the {}, the receipt says {}; both are signed, so the log "
        "was rewritten",
        found->second.index, HeadText(), claim.index));
  if (looked_unix_us_ != 0)
    return Bad(fmt::format("missing: the receipt says leaf {}, and the {} ends before; the log was cut",
                           claim.index, HeadText()));
  return Unknown(
      fmt::format("the receipt says leaf {}, and the {} ends before: it is older, or the log was cut",
                  claim.index, HeadText()));
}

Judgement Resolver::Judge(const verify::Checkpoint& checkpoint) const {
  if (!log_.findings.empty()) return Unknown("the log is damaged, so it can show nothing about this tree");
  if (checkpoint.origin != log_.head.checkpoint.origin)
    return Unknown(
        fmt::format("a tree of {}, and the log is {}", checkpoint.origin, log_.head.checkpoint.origin));
  if (checkpoint.size > log_.head.checkpoint.size) {
    if (looked_unix_us_ != 0)
      return Bad(fmt::format("cut: a tree of {} leaves was signed, and the {} ends before", checkpoint.size,
                             HeadText()));
    return Unknown(
        fmt::format("the {} ends before {}: it is older, or the log was cut", HeadText(), checkpoint.size));
  }
  if (roots_.at(checkpoint.size) != checkpoint.root)
    return Bad(fmt::format("rewritten: the {} does not begin with the signed tree of {} leaves", HeadText(),
                           checkpoint.size));
  return Good("the log begins with this tree");
}

std::string Resolver::ShownLaterThan(int64_t unix_us) const {
  for (const verify::Policy::Cosigned& cosigned : log_.head.cosigned)
    if (cosigned.unix_s > unix_us / 1'000'000)
      return fmt::format("{} cosigned the checkpoint at {}", cosigned.witness,
                         FormatUtc(cosigned.unix_s * 1'000'000));
  if (last_record_us_ > unix_us)
    return fmt::format("the log's own last record is of {}", FormatUtc(last_record_us_));
  // Good for whoever looks now; to others it is shown by a later record or a cosignature.
  if (looked_unix_us_ > unix_us)
    return fmt::format("it is {} by this host's clock", FormatUtc(looked_unix_us_));
  return "";
}

std::string Resolver::HeadText() const {
  return fmt::format("checkpoint of size {}, root {}", log_.head.checkpoint.size,
                     Base64Encode(AsView(log_.head.checkpoint.root)));
}

}  // namespace beleg::audit
