#include "ledger/bundle_compression.h"

#include "bundle/unpack.h"

namespace beleg::ledger {

bundle::CompressorOptions CompressionOf(LedgerCore& core) {
  const LedgerOptions& options = core.options();
  return {.fs = options.fs,
          .clock = options.clock,
          .folder = options.dir + "/public",
          .size = [&core] { return core.published()->size(); },
          .before_first = [&options] { return SetHasCompressedBundles(*options.fs, options.dir, true); }};
}

Result<uint64_t> UnpackBundles(io::FileSystem& fs, const std::string& dir) {
  TRY_ASSIGN(bool is_log, fs.Exists(dir + "/log.json"));
  if (!is_log) return Fail(ErrorCode::kNotFound, "{}: no log is there", dir);
  TRY_ASSIGN(auto lock, fs.Lock(dir));
  TRY_ASSIGN(uint64_t count, bundle::Unpack(fs, dir + "/public"));
  TRY(SetHasCompressedBundles(fs, dir, false));
  return count;
}

}  // namespace beleg::ledger
