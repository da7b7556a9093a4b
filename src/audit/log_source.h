// A log's public files, in a folder or behind a URL, as verify/ reads them.
#pragma once

#include <string>
#include <string_view>

#include "verify/tiles.h"

namespace beleg::audit {

// place: a folder, or an http(s) URL, below which "checkpoint" and "tile/…" lie. A ledger's own folder will do: they are in its
// public/. Entry bundles may lie compressed there (bundle/stored.h). token: bearer for a URL; "": none.
// The source's errors: kNotFound when there is no such file; kDataLoss when it cannot be decompressed; the file system's, or
// WebClient's, else.
// Errors: kInvalidArgument when the folder is not there or the URL is none.
Result<verify::TileSource> OpenLogSource(std::string_view place, std::string token);

}  // namespace beleg::audit
