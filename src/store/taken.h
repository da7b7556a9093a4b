// What a store says of a request that it took.
#pragma once

#include <cstddef>

#include "wire/otlp_edit.h"

namespace beleg::store {

struct Taken {
  size_t count = 0;  // spans or points; those that were here before count too
  wire::otlp::PartialSuccess rejected;
};

}  // namespace beleg::store
