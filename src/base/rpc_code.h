// The google.rpc.Code (and gRPC status code) of an error, for answers in OTLP's own form.
#pragma once

#include "base/result.h"

namespace beleg {

// 1 CANCELLED, 3 INVALID_ARGUMENT … 16 UNAUTHENTICATED.
int RpcCodeOf(ErrorCode code);

}  // namespace beleg
