#include "serve/fork_refusal.h"

#include <fmt/chrono.h>

#include "verify/cosignature.h"
#include "witness/submission.h"

namespace beleg::serve {
namespace {

std::string Utc(int64_t unix_s) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(unix_s)));
}

// " (its newest record is of …)", "" when that cannot be said.
std::string NewestHere(ledger::Ledger& ledger) {
  const uint64_t size = ledger.durable_size();
  if (size == 0) return "";
  auto leaves = ledger.Read(size - 1, 1, SIZE_MAX);
  if (!leaves || leaves->empty()) return "";
  auto record = record::Decode((*leaves)[0].bytes);
  if (!record) return "";
  return fmt::format(" (its newest record is of {})", Utc(record->time_us / 1'000'000));
}

// " (the last at …)", "" when the witness does not say, or asks for a key.
std::string LastThere(const witness::WitnessAddress& witness, std::string_view origin,
                      std::chrono::milliseconds timeout) {
  net::HttpClient::Options options;
  options.connect_timeout = options.request_timeout = timeout;
  options.response_bytes_max = 64 << 10;
  auto url = net::ParseUrl(witness.url);
  auto http = net::HttpClient::Open(witness.url, options);
  if (!url || !http) return "";
  const std::string prefix = url->target + (url->target.ends_with('/') ? "" : "/");
  auto answer = (*http)->Get(fmt::format("{}{}/checkpoint", prefix, witness::OriginHash(origin)));
  if (!answer || answer->status != 200) return "";
  auto note = verify::ParseNote(answer->body);
  auto unix_s = note ? verify::CheckCosignature(*note, witness.key) : std::unexpected(note.error());
  return unix_s ? fmt::format(" (the last at {})", Utc(*unix_s)) : "";
}

}  // namespace

Error RefuseToFork(const ForkRefusal& refusal, ledger::Ledger& ledger, std::chrono::milliseconds timeout) {
  const std::string from = refusal.mirror != nullptr ? refusal.mirror->url : "MIRROR";
  return {ErrorCode::kFailedPrecondition,
          fmt::format("{} has {} leaves{}, but {}{}: this folder is an old copy of its log, or the log runs "
                      "elsewhere. Nothing "
                      "was appended, since that would fork it. If it was put back from a backup, bring it up "
                      "to the mirror: "
                      "beleg ledger restore --from {} --ledger {} (docs/operations/ledger.md)",
                      refusal.ledger_dir, ledger.durable_size(), NewestHere(ledger), refusal.finding.message,
                      LastThere(refusal.seen_by, ledger.origin(), timeout), from, refusal.ledger_dir)};
}

}  // namespace beleg::serve
