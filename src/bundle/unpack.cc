#include "bundle/unpack.h"

#include "bundle/stored.h"
#include "bundle/walk.h"
#include "io/durable.h"

namespace beleg::bundle {

Result<uint64_t> Unpack(io::FileSystem& fs, const std::string& folder) {
  uint64_t count = 0;
  Walk walk(fs, folder);
  for (;;) {
    TRY_ASSIGN(auto item, walk.Next());
    if (!item) return count;
    if (!item->is_compressed) continue;
    const std::string path = folder + "/tile/entries/" + item->name;
    // Written even where a plain one is: whether that is on disk for good nobody knows.
    TRY_ASSIGN(std::string plain, ReadStored(fs, path));
    TRY(io::WriteFileDurably(fs, path, plain));
    TRY(fs.Remove(path + std::string(kCompressedSuffix)));
    TRY(fs.SyncFolder(io::ParentOf(path)));  // who takes the format back next must find none again
    ++count;
  }
}

}  // namespace beleg::bundle
