// A ledger's own entry bundles, compressed at rest and made plain again (bundle/compressor.h, bundle/unpack.h), with what log.json says
// of them: its format rises before the first one is compressed, and falls when none is.
#pragma once

#include "bundle/compressor.h"
#include "ledger/ledger_core.h"

namespace beleg::ledger {

// For a Compressor beside this core, which must outlive it.
bundle::CompressorOptions CompressionOf(LedgerCore& core);

// Of a log whose server is stopped. How many bundles got their plain form. Errors: kFailedPrecondition: it runs · kNotFound: no log is
// there · those of bundle::Unpack and of OpenIdentity.
Result<uint64_t> UnpackBundles(io::FileSystem& fs, const std::string& dir);

}  // namespace beleg::ledger
