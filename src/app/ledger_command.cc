// beleg ledger: a log's life: restored, its key changed, pruned, its bundles made plain. Exit codes: 0 done, 2 not done.

#include "app/ledger_command.h"

#include <CLI/CLI.hpp>

#include "app/build_commit.h"
#include "audit/log_source.h"
#include "io/private_file.h"
#include "ledger/note_signer.h"
#include "store/mirror_copy.h"
#include "verify/proof.h"
#include "witness/submission.h"

namespace beleg::app {
namespace {

constexpr size_t kKeyBytesMax = 4096;

// The checkpoint at exactly this place.
Result<CopyOfLog> OpenCopyAt(std::string place, const std::string& token, const verify::VerifierKey& key) {
  CopyOfLog copy;
  TRY_ASSIGN(copy.source, audit::OpenLogSource(place, token));
  TRY_ASSIGN(copy.note, copy.source("checkpoint"));
  TRY_ASSIGN(copy.checkpoint, verify::OpenCheckpoint(copy.note, key));
  copy.place = std::move(place);
  return copy;
}

}  // namespace

ledger::Program ThisProgram() { return {BELEG_VERSION, std::string(BuildCommit())}; }

Result<CopyOfLog> OpenCopy(const std::string& place, const std::string& token, const std::string& vkey) {
  TRY_ASSIGN(verify::VerifierKey key, verify::ParseVerifierKey(vkey));
  const std::string hash = witness::OriginHash(key.name), folder = store::FolderOf(key.name);
  Error why{ErrorCode::kNotFound, ""};
  for (const std::string& below :
       {std::string(), "/" + hash, "/mirror/" + hash, "/" + folder, "/mirror/" + folder}) {
    auto copy = OpenCopyAt(place + below, token, key);
    if (copy) return copy;
    // A place that has nothing may say so in several ways; a checkpoint of a wrong key says most.
    const ErrorCode code = copy.error().code;
    if (code == ErrorCode::kUnauthenticated && below.empty()) return copy;
    if (code != ErrorCode::kNotFound && code != ErrorCode::kInvalidArgument && why.message.empty())
      why = copy.error();
  }
  if (why.message.empty()) why.message = fmt::format("no log of the origin {} there", key.name);
  return Fail(std::move(why), "{}", place);
}

ledger::MirroredLog AsMirroredLog(const CopyOfLog& copy) {
  // Shared by the functions, which std::function wants to copy.
  auto tiles = std::make_shared<verify::TileReader>(copy.source, copy.checkpoint);
  ledger::MirroredLog mirror;
  mirror.size = copy.checkpoint.size;
  mirror.root = copy.checkpoint.root;
  mirror.check_beginning = [tiles](uint64_t size, const Hash32& root) -> Result<void> {
    const verify::Checkpoint& newest = tiles->checkpoint();
    if (size == 0) return {};
    TRY_ASSIGN(auto proof, tiles->ConsistencyProof(size));
    return verify::CheckConsistency(size, root, newest.size, newest.root, proof);
  };
  mirror.leaf_hash = [tiles](uint64_t index) { return tiles->LeafHash(index); };
  mirror.leaves = [tiles](uint64_t first, uint64_t count) { return tiles->Entries(first, count); };
  for (size_t number = 1;; ++number) {
    auto proof = copy.source(fmt::format("keys/{:03}.tlog-proof", number));
    if (!proof) break;  // there is none, or the place knows no such files
    mirror.key_proofs.push_back(*std::move(proof));
  }
  return mirror;
}

Result<KeyFile> ReadKeyFile(const std::string& path) {
  TRY(io::CheckPrivate(io::PosixFileSystem(), path));
  KeyFile key;
  TRY_ASSIGN(key.line, io::ReadFile(io::PosixFileSystem(), path, kKeyBytesMax));
  if (key.line.ends_with('\n')) key.line.pop_back();
  auto signer = ledger::NoteSigner::FromPrivateKey(key.line);
  if (!signer) return Fail(std::move(signer.error()), "{}", path);
  key.vkey = (*signer)->vkey();
  return key;
}

void AddLedger(CLI::App& program, Action& action) {
  CLI::App* ledger =
      program.add_subcommand("ledger", "Restore, prune, unpack or re-key a log whose server is stopped");
  ledger->require_subcommand(1);
  AddLedgerRestore(*ledger, action);
  AddLedgerKeys(*ledger, action);
  AddLedgerPrune(*ledger, action);
  AddLedgerUnpack(*ledger, action);
}

}  // namespace beleg::app
