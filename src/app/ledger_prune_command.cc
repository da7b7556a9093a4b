// beleg ledger prune.

#include <CLI/CLI.hpp>

#include "app/audit_command.h"
#include "app/ledger_command.h"
#include "audit/web_client.h"
#include "ledger/prune.h"
#include "verify/cosignature.h"
#include "verify/policy.h"

namespace beleg::app {
namespace {

using ledger::PruneRequest;

constexpr int64_t kDayMicros = 86'400'000'000;
constexpr size_t kPolicyBytesMax = 1 << 20;

struct PruneOptions {
  std::string dir = "data/ledger", policy_file, mirror_vkey, from, holds_from, token_file,
              ground = "retention";
  uint64_t before_index = 0;
  int64_t keep_days = 0;
  bool ask_for_holds = true;
};

Result<PruneRequest::Held> ReadHeld(const wire::Json& json) {
  PruneRequest::Held held;
  TRY_ASSIGN(held.name, audit::StringAt(json, "name"));
  TRY_ASSIGN(const int64_t first, audit::IntAt(json, "first_index"));
  held.first = static_cast<uint64_t>(first);
  if (json.Find("end_index") == nullptr) return held;
  TRY_ASSIGN(const int64_t end, audit::IntAt(json, "end_index"));
  held.end = static_cast<uint64_t>(end);
  return held;
}

// What the audit host says is on hold. It must be asked, or the operator says that there is none to ask.
Result<void> FillHolds(const PruneOptions& options, PruneRequest& request) {
  if (!options.ask_for_holds) return {};
  const std::string place = options.holds_from.empty() ? options.from : options.holds_from;
  if (place.empty())
    return Fail(ErrorCode::kInvalidArgument,
                "is any of them on hold? --holds-from names the audit host's mirror, which knows; --no-holds "
                "says that "
                "no holds are kept");
  TRY_ASSIGN(KeyFile key, ReadKeyFile(options.dir + "/key"));
  TRY_ASSIGN(std::string token, TokenOf(options.token_file));
  TRY_ASSIGN(const CopyOfLog copy, OpenCopy(place, token, key.vkey));
  auto text = copy.source("holds");
  if (!text)
    return Fail(std::move(text.error()), "{} does not say what is on hold (--holds-from, --no-holds)", place);
  auto json = wire::Json::Parse(*text);
  if (!json) return Fail(std::move(json.error()), "{}/holds", copy.place);
  TRY_ASSIGN(const wire::Json* list, audit::JsonAt(*json, "holds"));
  if (!list->is_array()) return Fail(ErrorCode::kDataLoss, "{}/holds: holds: want a list", copy.place);
  for (const wire::Json& item : list->as_array()) {
    TRY_ASSIGN(auto held, ReadHeld(item));
    request.held.push_back(std::move(held));
  }
  request.holds_asked = true;
  return {};
}

// Who has the entries, by a checkpoint that a mirror cosigned, or by what it gives when it is asked.
Result<void> FillCover(const PruneOptions& options, PruneRequest& request) {
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
  PruneRequest request;
  request.before_index = options.before_index;
  if (options.keep_days > 0) request.before_us = SystemClock().UnixMicros() - options.keep_days * kDayMicros;
  request.ground = options.ground;
  if (options.from.empty() && options.policy_file.empty() && options.mirror_vkey.empty())
    return Fail(ErrorCode::kInvalidArgument,
                "who has these entries? --mirror-vkey or --policy name whose cosignature counts, --from a "
                "mirror to fetch them from");
  TRY(FillHolds(options, request));
  TRY(FillCover(options, request));
  ledger::LedgerOptions ledger;
  ledger.dir = options.dir;
  TRY_ASSIGN(auto pruned, ledger::Prune(std::move(ledger), request, ThisProgram()));
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
  command->add_option("--holds-from", options->holds_from,
                      "The audit host's mirror, which says what is on hold and must stay; default: --from");
  command->add_flag("!--no-holds", options->ask_for_holds,
                    "No holds are kept anywhere; that is put on record");
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
