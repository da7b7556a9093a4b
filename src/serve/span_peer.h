// SpanPeer: the other end of the span exporter, over OTLP/HTTP or OTLP/gRPC.
//
// Shape:   one request of OTLP protobuf bytes at a time; the answer is what SpanExport needs to know.
// Errors:  an answer of their own. kRetry: no connection, no answer, and all that a later try may mend (HTTP 401, 403, 404, 408,
//          429, 5xx; gRPC but for the following). kWrong: the peer will never take these bytes (other 4xx; gRPC INVALID_ARGUMENT, and
//          RESOURCE_EXHAUSTED of a message that is too large).
// Threads: Send on one, Cancel from any.
// Source:  opentelemetry.io/docs/specs/otlp, "OTLP/gRPC response", "OTLP/HTTP response".
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"
#include "serve/span_export.h"

namespace beleg::serve {

enum class OtlpProtocol { kGrpc, kHttpProtobuf };

struct SpanPeerAnswer {
  SpanExport::Answer answer = SpanExport::Answer::kRetry;
  std::optional<std::chrono::milliseconds> retry_after;  // what the peer asked for
  std::string why;                                       // not kTaken: in words
};

class SpanPeer {
 public:
  // endpoint: for HTTP the whole URL, e.g. http://127.0.0.1:4318/v1/traces; for gRPC http://HOST:PORT or https://HOST:PORT.
  static Result<std::unique_ptr<SpanPeer>> Open(OtlpProtocol protocol, const std::string& endpoint,
                                                net::HttpHeaders headers);
  virtual ~SpanPeer() = default;

  virtual SpanPeerAnswer Send(std::string_view request) = 0;
  // Ends a Send in progress and every later one.
  virtual void Cancel() = 0;
};

}  // namespace beleg::serve
