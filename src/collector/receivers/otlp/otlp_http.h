// OTLP over HTTP: POST /v1/{traces,metrics,logs}, protobuf or JSON; plain, gzip, zlib (deflate), zstd or snappy.
#pragma once

#include "collector/receivers/intake.h"
#include "net/http.h"

namespace beleg::collector {

constexpr size_t kHttpBodyBytesMax = 20 << 20;  // the Collector's, after decompression too

// May take the request's body out. Does not block.
net::HttpResponse AnswerOtlp(Intake& intake, net::HttpRequest& request, size_t body_bytes_max);

}  // namespace beleg::collector
