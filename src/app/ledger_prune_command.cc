// beleg ledger prune.

#include <CLI/CLI.hpp>

#include "app/audit_command.h"
#include "app/ledger_command.h"
#include "ledger/prune.h"
#include "verify/cosignature.h"
#include "verify/policy.h"

namespace beleg::app {
namespace {

constexpr int64_t kDayMicros = 86'400'000'000;
constexpr size_t kPolicyBytesMax = 1 << 20;

struct PruneOptions {
  std::string dir = "data/ledger", policy_file, mirror_vkey, from, token_file, ground = "retention";
  uint64_t before_index = 0;
  int64_t keep_days = 0;
};

// Who has the entries, by a checkpoint that a mirror cosigned, or by what it gives when it is asked.
Result<void> FillCover(const PruneOptions& options, ledger::PruneRequest& request) {
  TRY_ASSIGN(KeyFile key, ReadKeyFile(options.dir + "/key"));
  TRY_ASSIGN(std::string token, TokenOf(options.token_file));
  const std::string place = options.from.empty() ? options.dir + "/cosigned" : options.from;
  auto copy = OpenCopy(place, token, key.vkey);
  if (!copy && options.from.empty())
    return Fail(std::move(copy.error()),
                "no cosigned checkpoint is kept here (serve --mirror); name the mirror with --from");
  if (!copy) return std::unexpected<Error>(copy.error());
  request.covered_size = copy->checkpoint.size;
  request.covered_root = copy->checkpoint.root;
  if (!options.policy_file.empty()) {
    TRY_ASSIGN(std::string text, io::ReadFile(io::PosixFileSystem(), options.policy_file, kPolicyBytesMax));
    auto policy = verify::Policy::Parse(text);
    if (!policy) return Fail(std::move(policy.error()), "{}", options.policy_file);
    TRY_ASSIGN(auto opened, policy->Open(copy->note));
    if (opened.quorum_met) return {};
    return Fail(ErrorCode::kUnauthenticated, "{}: its checkpoint has not the cosignatures that {} asks for",
                copy->place, options.policy_file);
  }
  if (!options.mirror_vkey.empty()) {
    TRY_ASSIGN(auto mirror, verify::ParseVerifierKey(options.mirror_vkey, verify::KeyType::kCosignatureV1));
    TRY_ASSIGN(verify::Note note, verify::ParseNote(copy->note));
    if (auto cosigned = verify::CheckCosignature(note, mirror); !cosigned)
      return Fail(std::move(cosigned.error()), "{}", copy->place);
    return {};
  }
  // No signature says that the mirror has them, so each is fetched.
  request.check_copy = [mirror = AsMirroredLog(*copy)](uint64_t first, uint64_t count) -> Result<void> {
    TRY(mirror.leaves(first, count));
    return {};
  };
  return {};
}

Result<void> RunPrune(const PruneOptions& options) {
  if (options.before_index == 0 && options.keep_days == 0)
    return Fail(ErrorCode::kInvalidArgument, "which entries? --before-index or --keep-days");
  ledger::PruneRequest request;
  request.before_index = options.before_index;
  if (options.keep_days > 0) request.before_us = SystemClock().UnixMicros() - options.keep_days * kDayMicros;
  request.ground = options.ground;
  if (options.from.empty() && options.policy_file.empty() && options.mirror_vkey.empty())
    return Fail(ErrorCode::kInvalidArgument,
                "who has these entries? --mirror-vkey or --policy name whose cosignature counts, --from a "
                "mirror to fetch them from");
  TRY(FillCover(options, request));
  ledger::LedgerOptions ledger;
  ledger.dir = options.dir;
  TRY_ASSIGN(auto pruned, ledger::Prune(std::move(ledger), request, BELEG_VERSION));
  const std::string limit = pruned.limited_by.empty() ? "" : fmt::format(" ({})", pruned.limited_by);
  if (pruned.after == pruned.before)
    PrintReport(fmt::format("nothing to prune: entries from {} on are here{}", pruned.after, limit));
  else
    PrintReport(fmt::format("pruned entries {} to {}, {} bytes; entries from {} on are here{}", pruned.before,
                            pruned.after - 1, pruned.bytes, pruned.after, limit));
  return {};
}

}  // namespace

void AddLedgerPrune(CLI::App& ledger, Action& action) {
  auto options = std::make_shared<PruneOptions>();  // shared with the action, which runs after parsing
  CLI::App* command =
      ledger.add_subcommand("prune", "Remove the oldest entries here, which a mirror has; their hashes stay");
  command->add_option("--ledger", options->dir, "Folder of the log")->capture_default_str();
  CLI::Option* index = command->add_option("--before-index", options->before_index,
                                           "Entries below it, as far as whole bundles of 256 go");
  CLI::Option* days = command->add_option("--keep-days", options->keep_days, "Entries that are older")
                          ->check(CLI::Range(1, 36'500));
  index->excludes(days);
  command->add_option("--mirror-vkey", options->mirror_vkey,
                      "Key of the mirror whose cosignature says that it has them");
  command->add_option("--policy", options->policy_file,
                      "C2SP tlog-policy file that says whose cosignatures do");
  command->add_option("--from", options->from,
                      "The mirror, for its checkpoint; default: LEDGER/cosigned. Without the two above each "
                      "entry is fetched there");
  command->add_option("--token-file", options->token_file, "File (0600) with the mirror's API key");
  command->add_option("--ground", options->ground, "Why, in the prune record")->capture_default_str();
  command->callback([options, &action] {
    action = [options] {
      Result<void> done = RunPrune(*options);
      return done ? kExitOk : Complain("ledger prune", done.error());
    };
  });
}

}  // namespace beleg::app
