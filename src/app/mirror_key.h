// The key by which the store cosigns the logs that it mirrors.
#pragma once

#include <memory>
#include <string>

#include "witness/cosigner.h"

namespace beleg::app {

// DATA/keys/cosigner of the store's folder; made when there is none. name: "" is a random one (Cosigner::Open).
Result<std::unique_ptr<witness::Cosigner>> OpenMirrorKey(const std::string& store_data,
                                                         const std::string& name, Rng& rng);

}  // namespace beleg::app
