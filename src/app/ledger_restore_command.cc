// beleg ledger restore, new: what is done after a loss.

#include <CLI/CLI.hpp>

#include "app/audit_command.h"
#include "app/ledger_command.h"
#include "ledger/visit.h"

namespace beleg::app {
namespace {

struct RestoreOptions {
  std::string from, dir = "data/ledger", key_file, token_file;
};

// Of the folder, or of --key when the folder has none.
Result<KeyFile> KeyOf(const RestoreOptions& options) {
  if (!options.key_file.empty()) return ReadKeyFile(options.key_file);
  auto key = ReadKeyFile(options.dir + "/key");
  if (key || key.error().code != ErrorCode::kNotFound) return key;
  return Fail(ErrorCode::kFailedPrecondition,
              "{}/key: there is none. If you keep a copy of the key, give it with --key. If it is lost, "
              "nobody can go on with this "
              "log: what it signed stays good, and its mirror keeps it; begin a new log that names it with "
              "`beleg ledger new "
              "--continues MIRROR --continues-vkey VKEY`",
              options.dir);
}

Result<void> RunRestore(const RestoreOptions& options) {
  TRY_ASSIGN(KeyFile key, KeyOf(options));
  TRY_ASSIGN(std::string token, TokenOf(options.token_file));
  TRY_ASSIGN(CopyOfLog copy, OpenCopy(options.from, token, key.vkey));
  ledger::LedgerOptions ledger;
  ledger.dir = options.dir;
  const std::string new_key = options.key_file.empty() ? "" : key.line;
  TRY_ASSIGN(auto done, ledger::Restore(std::move(ledger), new_key, AsMirroredLog(copy)));
  if (!done.changed)
    PrintReport(
        fmt::format("nothing to restore: {} has {} entries, {} has {}, and one is the beginning of the other",
                    options.dir, done.size_after, copy.place, copy.checkpoint.size));
  else
    PrintReport(fmt::format("restored {} from {} to {} entries, as signed at {}; serve goes on from there",
                            options.dir, done.size_before, done.size_after, copy.place));
  return {};
}

struct NewOptions {
  std::string dir = "data/ledger", origin, from, vkey, token_file;
};

Result<void> RunNew(const NewOptions& options) {
  TRY_ASSIGN(bool exists, io::PosixFileSystem().Exists(options.dir + "/log.json"));
  if (exists) return Fail(ErrorCode::kAlreadyExists, "{}: a log is there", options.dir);
  TRY_ASSIGN(std::string token, TokenOf(options.token_file));
  std::map<std::string, std::string> settings;
  if (!options.from.empty()) {
    TRY_ASSIGN(CopyOfLog old, OpenCopy(options.from, token, options.vkey));
    settings = {{"continues_origin", old.checkpoint.origin},
                {"continues_root", Base64Encode(AsView(old.checkpoint.root))},
                {"continues_size", std::to_string(old.checkpoint.size)},
                {"continues_vkey", options.vkey}};
  }
  ledger::LedgerOptions ledger;
  ledger.dir = options.dir;
  ledger.origin = options.origin;
  TRY_ASSIGN(auto visit, ledger::Visit::Open(std::move(ledger), "new", ThisProgram()));
  if (!settings.empty()) TRY(visit->Append(record::Config{settings}));
  TRY(visit->Close());
  PrintReport(visit->core().vkey());
  return {};
}

void AddNew(CLI::App& ledger, Action& action) {
  auto options = std::make_shared<NewOptions>();  // shared with the action, which runs after parsing
  CLI::App* command =
      ledger.add_subcommand("new", "Begin a log, in place of one whose key is lost if need be");
  command->add_option("--ledger", options->dir, "Folder for it")->capture_default_str();
  command->add_option("--origin", options->origin, "Its name; default: random");
  CLI::Option* from = command->add_option("--continues", options->from,
                                          "Folder or URL of the log before it, or of its mirror");
  CLI::Option* vkey = command->add_option("--continues-vkey", options->vkey, "That log's key");
  from->needs(vkey);
  vkey->needs(from);
  command->add_option("--token-file", options->token_file,
                      "File (0600) with the bearer token for --continues");
  command->callback([options, &action] {
    action = [options] {
      Result<void> done = RunNew(*options);
      return done ? kExitOk : Complain("ledger new", done.error());
    };
  });
}

}  // namespace

void AddLedgerRestore(CLI::App& ledger, Action& action) {
  auto options = std::make_shared<RestoreOptions>();  // shared with the action, which runs after parsing
  CLI::App* command =
      ledger.add_subcommand("restore", "Bring an old copy of a log, or its key alone, up to its mirror");
  command->add_option("--from", options->from, "The mirror: http://HOST:3301/mirror, or a folder")
      ->required();
  command->add_option("--ledger", options->dir, "Folder of the log")->capture_default_str();
  command->add_option("--key", options->key_file, "The log's key file, for a folder that is empty");
  command->add_option("--token-file", options->token_file, "File (0600) with the mirror's API key");
  command->callback([options, &action] {
    action = [options] {
      Result<void> done = RunRestore(*options);
      return done ? kExitOk : Complain("ledger restore", done.error());
    };
  });
  AddNew(ledger, action);
}

}  // namespace beleg::app
