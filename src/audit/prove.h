// `beleg audit prove`: fetches one request's record and proof from the log, checks them, and keeps both as files that
// verify offline.
#pragma once

#include <cstdint>
#include <string>

#include "verify/note.h"

namespace beleg::audit {

struct ProveOptions {
  std::string request_id;  // with or without its prefix
  std::string ledger_url = "http://127.0.0.1:8001";
  std::string token;  // bearer; "": none
  std::string vkey;   // the log's key; "": the one that it serves at /audit/vkey, and the result says so
  std::string folder = ".";  // where the files go
};

struct ProveResult {
  uint64_t index = 0;
  verify::Checkpoint checkpoint;
  std::string vkey;
  bool key_pinned = false;
  std::string signer_text;  // how the checkpoint's key follows from that one (log_keys.h); "": it is that one
  std::string proof_path, record_path;  // FOLDER/ID.tlog-proof, FOLDER/ID.json
  std::string keys_path;  // FOLDER/keys.tlog-proof: the log's changes of keys; "": there were none
};

// GET audit/proof/{id} and audit/record/{id}. Nothing is written unless everything fits.
// Errors: kInvalidArgument (id, key, URL) · kNotFound (no record) · kDataLoss (proof, entry, id and key do not fit together) ·
// as WebClient and io.
Result<ProveResult> Prove(const ProveOptions& options);

std::string RenderText(const ProveResult& result);

}  // namespace beleg::audit
