// beleg ledger unpack.

#include <CLI/CLI.hpp>

#include "app/audit_command.h"
#include "app/ledger_command.h"
#include "bundle/unpack.h"
#include "ledger/bundle_compression.h"

namespace beleg::app {
namespace {

// A ledger's folder, or one that has "tile/": a mirror's copy, or a copy of a ledger's public/.
Result<uint64_t> UnpackFolder(const std::string& folder) {
  io::FileSystem& fs = io::PosixFileSystem();
  TRY_ASSIGN(bool is_log, fs.Exists(folder + "/log.json"));
  if (is_log) return ledger::UnpackBundles(fs, folder);
  TRY_ASSIGN(bool is_copy, fs.Exists(folder + "/tile"));
  if (!is_copy) return Fail(ErrorCode::kNotFound, "{}: neither log.json nor tile/ is there", folder);
  TRY_ASSIGN(auto lock, fs.Lock(folder));
  return bundle::Unpack(fs, folder);
}

Result<void> RunUnpack(const std::string& folder) {
  TRY_ASSIGN(uint64_t count, UnpackFolder(folder));
  PrintReport(count == 0 ? fmt::format("{}: every entry bundle is plain", folder)
                         : fmt::format("{}: {} entry bundles are plain again", folder, count));
  return {};
}

}  // namespace

void AddLedgerUnpack(CLI::App& ledger, Action& action) {
  auto folder = std::make_shared<std::string>("data/ledger");  // shared with the action, which runs later
  CLI::App* command = ledger.add_subcommand(
      "unpack", "Make compressed entry bundles plain again, for programs that read the folder itself");
  command
      ->add_option("--ledger", *folder,
                   "Folder of the log, of a mirror's copy of one, or a copy of a log's public/")
      ->capture_default_str();
  command->callback([folder, &action] {
    action = [folder] {
      Result<void> done = RunUnpack(*folder);
      return done ? kExitOk : Complain("ledger unpack", done.error());
    };
  });
}

}  // namespace beleg::app
