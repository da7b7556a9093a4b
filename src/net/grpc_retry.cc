// google.rpc.Status with google.rpc.RetryInfo (googleapis/google/rpc/status.proto, error_details.proto), by hand: of all of
// protobuf it needs lengths and two varints.
#include "net/grpc.h"

namespace beleg::net {

namespace {

constexpr std::string_view kDetails = "grpc-status-details-bin";
constexpr std::string_view kRetryInfo = "type.googleapis.com/google.rpc.RetryInfo";
// Field numbers with their wire types.
constexpr uint64_t kStatusCode = 1 << 3 | 0, kStatusMessage = 2 << 3 | 2, kStatusDetails = 3 << 3 | 2;
constexpr uint64_t kAnyType = 1 << 3 | 2, kAnyValue = 2 << 3 | 2;
constexpr uint64_t kRetryDelay = 1 << 3 | 2;
constexpr uint64_t kSeconds = 1 << 3 | 0, kNanos = 2 << 3 | 0;
constexpr uint64_t kSecondsMax = 315'576'000'000;  // of google.protobuf.Duration
constexpr uint64_t kNanosMax = 999'999'999;

void PutVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void PutNumber(std::string& out, uint64_t tag, uint64_t value) {
  if (value == 0) return;
  PutVarint(out, tag);
  PutVarint(out, value);
}

void PutBytes(std::string& out, uint64_t tag, std::string_view bytes) {
  PutVarint(out, tag);
  PutVarint(out, bytes.size());
  out += bytes;
}

struct Field {
  uint64_t tag = 0;
  uint64_t number = 0;     // of a varint
  std::string_view bytes;  // of a length-delimited field
};

bool TakeVarint(std::string_view& in, uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !in.empty(); shift += 7) {
    uint8_t byte = static_cast<uint8_t>(in.front());
    in.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

// nullopt at the end, or at what is no field.
std::optional<Field> TakeField(std::string_view& in) {
  Field field;
  if (!TakeVarint(in, field.tag) || !TakeVarint(in, field.number)) return std::nullopt;
  uint64_t wire_type = field.tag & 7;
  if (wire_type == 0) return field;
  if (wire_type != 2 || field.number > in.size()) return std::nullopt;
  field.bytes = in.substr(0, field.number);
  in.remove_prefix(field.number);
  return field;
}

std::string_view FindBytes(std::string_view message, uint64_t tag) {
  while (auto field = TakeField(message)) {
    if (field->tag == tag) return field->bytes;
  }
  return {};
}

std::optional<std::chrono::milliseconds> ParseDuration(std::string_view message) {
  uint64_t seconds = 0, nanos = 0;
  while (auto field = TakeField(message)) {
    if (field->tag == kSeconds) seconds = field->number;
    if (field->tag == kNanos) nanos = field->number;
  }
  if (seconds > kSecondsMax || nanos > kNanosMax) return std::nullopt;
  return std::chrono::milliseconds(seconds * 1'000 + nanos / 1'000'000);
}

}  // namespace

void SetRetryDelay(GrpcReply& reply, std::chrono::milliseconds delay) {
  std::string duration, info, any, status;
  uint64_t millis = delay.count() > 0 ? static_cast<uint64_t>(delay.count()) : 0;
  PutNumber(duration, kSeconds, millis / 1'000);
  PutNumber(duration, kNanos, millis % 1'000 * 1'000'000);
  PutBytes(info, kRetryDelay, duration);
  PutBytes(any, kAnyType, kRetryInfo);
  PutBytes(any, kAnyValue, info);
  PutNumber(status, kStatusCode, static_cast<uint64_t>(reply.status.code));
  PutBytes(status, kStatusMessage, reply.status.message);
  PutBytes(status, kStatusDetails, any);
  reply.trailers.Set(kDetails, status);
}

std::optional<std::chrono::milliseconds> RetryDelay(const GrpcReply& reply) {
  std::string_view status = reply.trailers.Get(kDetails).value_or("");
  while (auto field = TakeField(status)) {
    if (field->tag != kStatusDetails || FindBytes(field->bytes, kAnyType) != kRetryInfo) continue;
    return ParseDuration(FindBytes(FindBytes(field->bytes, kAnyValue), kRetryDelay));
  }
  return std::nullopt;
}

}  // namespace beleg::net
