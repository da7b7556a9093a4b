#include "app/mirror_key.h"

namespace beleg::app {

Result<std::unique_ptr<witness::Cosigner>> OpenMirrorKey(const std::string& store_data,
                                                         const std::string& name, Rng& rng) {
  return witness::Cosigner::Open(io::PosixFileSystem(), store_data + "/keys/cosigner", name, "beleg-mirror-",
                                 rng);
}

}  // namespace beleg::app
