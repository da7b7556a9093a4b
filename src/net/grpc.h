// gRPC's words as values (grpc.io/docs: status codes; PROTOCOL-HTTP2): status, reply, and the framing of a message. No
// sockets here.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"

namespace beleg::net {

enum class GrpcCode : uint8_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// "RESOURCE_EXHAUSTED" and so on.
std::string_view GrpcCodeName(GrpcCode code);

struct GrpcStatus {
  GrpcCode code = GrpcCode::kOk;
  std::string message;  // UTF-8, any characters; percent-encoded on the wire

  bool ok() const { return code == GrpcCode::kOk; }
};

GrpcCode GrpcCodeOf(ErrorCode code);
GrpcStatus GrpcStatusOf(const Error& error);

// How a server answers one call. Metadata whose name ends in "-bin" holds raw bytes here and base64 on the wire.
struct GrpcReply {
  GrpcStatus status;
  std::string message;        // bytes of the answer's protobuf; sent only when the status is OK
  HttpHeaders metadata = {};  // sent before the message
  HttpHeaders trailers = {};  // sent after it, with the status
};

// A reply that carries only a status.
GrpcReply GrpcFailure(GrpcCode code, std::string message);

// "Try again after so long": adds grpc-status-details-bin, a google.rpc.Status with RetryInfo, to the trailers. OTLP
// clients retry RESOURCE_EXHAUSTED only with it.
void SetRetryDelay(GrpcReply& reply, std::chrono::milliseconds delay);
// What the server asked for in that way; nullopt without, or if its bytes are damaged.
std::optional<std::chrono::milliseconds> RetryDelay(const GrpcReply& reply);

enum class GrpcCompression : uint8_t { kNone, kGzip, kZstd };

// Of the grpc-encoding field: "gzip", "zstd"; "" for none.
std::string_view GrpcEncodingName(GrpcCompression compression);
// What UnframeGrpcMessage reads, for grpc-accept-encoding.
constexpr std::string_view kGrpcEncodingsRead = "gzip,zstd";

// The 5 bytes before a message: flag and length.
std::string GrpcPrefix(bool packed, size_t message_bytes);
// A message with its prefix.
std::string FrameGrpcMessage(std::string_view message, GrpcCompression compression);

// The one message of a unary call's body, decompressed; encoding: the grpc-encoding field, "" for none.
// kUnimplemented: an encoding other than gzip, zstd or identity, or more than one message. kResourceExhausted: longer than
// message_bytes_max, before or after decompression. kInternal: cut short, bytes behind it, damaged, or the flag without
// an encoding.
Result<std::string> UnframeGrpcMessage(std::string body, std::string_view encoding, size_t message_bytes_max);

// "grpc: received message larger than max (N vs. MAX)".
std::string GrpcTooLarge(uint64_t message_bytes, size_t message_bytes_max);

// The grpc-timeout field: at most 8 digits and a unit of H M S m u n. kInvalidArgument else.
Result<std::chrono::nanoseconds> ParseGrpcTimeout(std::string_view text);
std::string FormatGrpcTimeout(std::chrono::nanoseconds timeout);

// The grpc-message field: all but printable ASCII and "%" itself is percent-encoded. Decoding leaves what is no escape.
std::string EncodeGrpcMessage(std::string_view text);
std::string DecodeGrpcMessage(std::string_view field);

// Metadata to and from header fields: values of "-bin" names as base64. A value that is none is dropped.
void AddMetadata(HttpHeaders& fields, const HttpHeaders& metadata);
HttpHeaders TakeMetadata(const HttpHeaders& fields);

}  // namespace beleg::net
