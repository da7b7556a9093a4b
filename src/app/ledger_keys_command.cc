// beleg ledger rotate-key, keys.

#include <CLI/CLI.hpp>

#include "app/audit_command.h"
#include "app/ledger_command.h"
#include "audit/log_keys.h"
#include "audit/report_text.h"
#include "io/durable.h"
#include "ledger/rotation.h"
#include "verify/key_chain.h"

namespace beleg::app {
namespace {

constexpr int64_t kDaySeconds = 86'400;

struct RotateOptions {
  std::string dir = "data/ledger";
  int64_t overlap_days = 90;
};

Result<void> RunRotate(const RotateOptions& options) {
  TRY_ASSIGN(bool exists, io::PosixFileSystem().Exists(options.dir + "/log.json"));
  if (!exists) return Fail(ErrorCode::kNotFound, "{}: no log is there", options.dir);
  ledger::LedgerOptions ledger;
  ledger.dir = options.dir;
  const std::chrono::seconds overlap(options.overlap_days * kDaySeconds);
  TRY_ASSIGN(auto rotated, ledger::RotateKey(std::move(ledger), overlap, ThisProgram()));
  PrintReport(fmt::format(
      "new key   {}\nold key   {}\n          signs checkpoints too until {}; pin the new one by then\n"
      "keep a copy of {}/key where only you can read it",
      rotated.vkey, rotated.old_vkey, audit::FormatUtc(rotated.until_us), options.dir));
  return {};
}

struct KeysOptions {
  std::string from, vkey, token_file, out;
};

Result<void> RunKeys(const KeysOptions& options) {
  TRY_ASSIGN(verify::VerifierKey pinned, verify::ParseVerifierKey(options.vkey));
  TRY_ASSIGN(std::string token, TokenOf(options.token_file));
  TRY_ASSIGN(const auto proofs, audit::ReadKeyProofsAt({options.from, token}));
  verify::KeyChain chain(pinned);
  TRY(chain.Extend(proofs));
  std::string out;
  for (const verify::LogKey& key : chain.keys())
    out += verify::FormatVerifierKey(key.key.name, key.key.public_key) + "\n";
  if (!options.out.empty()) {
    if (proofs.empty())
      return Fail(ErrorCode::kNotFound, "{}: the log's key never changed, so there are no proofs to keep",
                  options.from);
    TRY(io::WriteFileDurably(io::PosixFileSystem(), options.out, audit::JoinKeyProofs(proofs)));
  }
  PrintReport(out);
  return {};
}

void AddKeys(CLI::App& ledger, Action& action) {
  auto options = std::make_shared<KeysOptions>();  // shared with the action, which runs after parsing
  CLI::App* command = ledger.add_subcommand(
      "keys", "Print the log's keys, oldest first: the one you trust and those that it leads to, checked");
  command->add_option("--from", options->from, "Folder or URL of the log, or a file of --out")->required();
  command->add_option("--vkey", options->vkey, "The key that you trust")->required();
  command->add_option("--token-file", options->token_file, "File (0600) with the bearer token for it");
  command->add_option(
      "--out", options->out,
      "Keep the proofs in this file, for `beleg audit verify --keys` where the log is out of reach");
  command->callback([options, &action] {
    action = [options] {
      Result<void> done = RunKeys(*options);
      return done ? kExitOk : Complain("ledger keys", done.error());
    };
  });
}

}  // namespace

void AddLedgerKeys(CLI::App& ledger, Action& action) {
  auto options = std::make_shared<RotateOptions>();  // shared with the action, which runs after parsing
  CLI::App* command =
      ledger.add_subcommand("rotate-key", "Give the log a new key that the old one vouches for");
  command->add_option("--ledger", options->dir, "Folder of the log")->capture_default_str();
  command->add_option("--overlap", options->overlap_days, "Days for which the old key signs checkpoints too")
      ->check(CLI::Range(0, 3650))
      ->capture_default_str();
  command->callback([options, &action] {
    action = [options] {
      Result<void> done = RunRotate(*options);
      return done ? kExitOk : Complain("ledger rotate-key", done.error());
    };
  });
  AddKeys(ledger, action);
}

}  // namespace beleg::app
