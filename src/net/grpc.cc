#include "net/grpc.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "wire/compress.h"

namespace beleg::net {

namespace {

constexpr size_t kPrefixBytes = 5;
constexpr size_t kTimeoutDigitsMax = 8;

constexpr std::array<std::string_view, 17> kCodeNames = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

struct TimeoutUnit {
  char letter;
  int64_t nanos;
};
// Finest first.
constexpr std::array<TimeoutUnit, 6> kTimeoutUnits = {{{'n', 1},
                                                       {'u', 1'000},
                                                       {'m', 1'000'000},
                                                       {'S', 1'000'000'000},
                                                       {'M', 60'000'000'000},
                                                       {'H', 3'600'000'000'000}}};

// Fields that belong to HTTP/2 and gRPC themselves, not to the caller.
bool IsReserved(std::string_view name) {
  constexpr std::array<std::string_view, 7> kNames = {"content-type", "te",   "user-agent",       "host",
                                                      "connection",   "date", "transfer-encoding"};
  return name.starts_with("grpc-") ? name != "grpc-status-details-bin"
                                   : std::ranges::find(kNames, name) != kNames.end();
}

// Base64 with its padding or, as gRPC sends it, without.
Result<std::string> DecodeBinary(std::string_view value) {
  std::string padded(value);
  while (padded.size() % 4 != 0) padded += '=';
  return Base64Decode(padded);
}

std::string EncodeBinary(std::string_view bytes) {
  std::string out = Base64Encode(bytes);
  while (out.ends_with('=')) out.pop_back();
  return out;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string_view GrpcCodeName(GrpcCode code) { return kCodeNames.at(static_cast<size_t>(code)); }

GrpcCode GrpcCodeOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument: return GrpcCode::kInvalidArgument;
    case ErrorCode::kNotFound: return GrpcCode::kNotFound;
    case ErrorCode::kAlreadyExists: return GrpcCode::kAlreadyExists;
    case ErrorCode::kPermissionDenied: return GrpcCode::kPermissionDenied;
    case ErrorCode::kUnauthenticated: return GrpcCode::kUnauthenticated;
    case ErrorCode::kResourceExhausted: return GrpcCode::kResourceExhausted;
    case ErrorCode::kFailedPrecondition: return GrpcCode::kFailedPrecondition;
    case ErrorCode::kUnavailable: return GrpcCode::kUnavailable;
    case ErrorCode::kDeadlineExceeded: return GrpcCode::kDeadlineExceeded;
    case ErrorCode::kCancelled: return GrpcCode::kCancelled;
    case ErrorCode::kDataLoss: return GrpcCode::kDataLoss;
    case ErrorCode::kUnimplemented: return GrpcCode::kUnimplemented;
    case ErrorCode::kInternal: return GrpcCode::kInternal;
  }
  return GrpcCode::kUnknown;
}

GrpcStatus GrpcStatusOf(const Error& error) { return {GrpcCodeOf(error.code), error.message}; }

GrpcReply GrpcFailure(GrpcCode code, std::string message) {
  GrpcReply reply;
  reply.status = {code, std::move(message)};
  return reply;
}

std::string_view GrpcEncodingName(GrpcCompression compression) {
  switch (compression) {
    case GrpcCompression::kNone: return "";
    case GrpcCompression::kGzip: return "gzip";
    case GrpcCompression::kZstd: return "zstd";
  }
  return "";
}

std::string GrpcPrefix(bool packed, size_t message_bytes) {
  std::string out(1, packed ? '\1' : '\0');
  PutBig32(out, static_cast<uint32_t>(message_bytes));
  return out;
}

std::string FrameGrpcMessage(std::string_view message, GrpcCompression compression) {
  bool pack = compression != GrpcCompression::kNone && !message.empty();
  std::string packed;
  if (pack)
    packed =
        compression == GrpcCompression::kGzip ? wire::GzipCompress(message, 1) : wire::ZstdCompress(message);
  std::string_view body = pack ? packed : message;
  return GrpcPrefix(pack, body.size()).append(body);
}

std::string GrpcTooLarge(uint64_t message_bytes, size_t message_bytes_max) {
  return fmt::format("grpc: received message larger than max ({} vs. {})", message_bytes, message_bytes_max);
}

Result<std::string> UnframeGrpcMessage(std::string body, std::string_view encoding,
                                       size_t message_bytes_max) {
  if (body.size() < kPrefixBytes)
    return Fail(ErrorCode::kInternal, "a message's prefix of 5 bytes is cut short at {}", body.size());
  uint8_t flag = static_cast<uint8_t>(body[0]);
  uint64_t length = GetBig32(body.data() + 1);
  if (flag > 1) return Fail(ErrorCode::kInternal, "a message's compressed flag is {}", flag);
  if (length > message_bytes_max)
    return Fail(ErrorCode::kResourceExhausted, "{}", GrpcTooLarge(length, message_bytes_max));
  if (length > body.size() - kPrefixBytes) {
    return Fail(ErrorCode::kInternal, "a message of {} bytes is cut short at {}", length,
                body.size() - kPrefixBytes);
  }
  if (length < body.size() - kPrefixBytes)
    return Fail(ErrorCode::kUnimplemented, "more than one message in a unary call");
  if (flag == 0) {
    body.erase(0, kPrefixBytes);
    return body;
  }
  if (encoding.empty() || encoding == "identity")
    return Fail(ErrorCode::kInternal, "a compressed message without grpc-encoding");
  if (encoding != "gzip" && encoding != "zstd") {
    return Fail(ErrorCode::kUnimplemented, "grpc: Decompressor is not installed for grpc-encoding \"{}\"",
                encoding);
  }
  auto* decompress = encoding == "gzip" ? wire::GzipDecompress : wire::ZstdDecompress;
  auto plain = decompress(std::string_view(body).substr(kPrefixBytes), message_bytes_max);
  if (plain) return plain;
  if (plain.error().code == ErrorCode::kResourceExhausted) {
    return Fail(ErrorCode::kResourceExhausted,
                "grpc: received message after decompression larger than max {}", message_bytes_max);
  }
  return Fail(ErrorCode::kInternal, "grpc: failed to decompress the received message: {}",
              plain.error().message);
}

Result<std::chrono::nanoseconds> ParseGrpcTimeout(std::string_view text) {
  auto bad = [&] { return Fail(ErrorCode::kInvalidArgument, "malformed grpc-timeout: \"{}\"", text); };
  if (text.size() < 2 || text.size() > kTimeoutDigitsMax + 1) return bad();
  auto amount = ParseUint64(text.substr(0, text.size() - 1));
  auto unit = std::ranges::find(kTimeoutUnits, text.back(), &TimeoutUnit::letter);
  if (!amount || unit == kTimeoutUnits.end()) return bad();
  // 99,999,999 hours are more nanoseconds than 63 bits hold.
  int64_t most = std::chrono::nanoseconds::max().count() / unit->nanos;
  return std::chrono::nanoseconds(std::min(static_cast<int64_t>(*amount), most) * unit->nanos);
}

std::string FormatGrpcTimeout(std::chrono::nanoseconds timeout) {
  constexpr int64_t kAmountMax = 99'999'999;
  int64_t nanos = std::max<int64_t>(timeout.count(), 0);
  for (const TimeoutUnit& unit : kTimeoutUnits) {
    if (nanos / unit.nanos < kAmountMax)
      return fmt::format("{}{}", nanos / unit.nanos + (nanos % unit.nanos != 0), unit.letter);
  }
  return fmt::format("{}H", kAmountMax);
}

std::string EncodeGrpcMessage(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c >= ' ' && c <= '~' && c != '%') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<uint8_t>(c));
    }
  }
  return out;
}

std::string DecodeGrpcMessage(std::string_view field) {
  std::string out;
  for (size_t i = 0; i < field.size(); ++i) {
    int high = field[i] == '%' && i + 2 < field.size() ? HexDigit(field[i + 1]) : -1;
    int low = high >= 0 ? HexDigit(field[i + 2]) : -1;
    if (low < 0) {
      out += field[i];
      continue;
    }
    out += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return out;
}

void AddMetadata(HttpHeaders& fields, const HttpHeaders& metadata) {
  for (const auto& [name, value] : metadata.fields()) {
    fields.Add(name, name.ends_with("-bin") ? EncodeBinary(value) : value);
  }
}

HttpHeaders TakeMetadata(const HttpHeaders& fields) {
  HttpHeaders metadata;
  for (const auto& [name, value] : fields.fields()) {
    if (IsReserved(name)) continue;
    if (!name.ends_with("-bin")) {
      metadata.Add(name, value);
    } else if (auto bytes = DecodeBinary(value)) {
      metadata.Add(name, std::move(*bytes));
    }
  }
  return metadata;
}

}  // namespace beleg::net
