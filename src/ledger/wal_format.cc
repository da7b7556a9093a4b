#include "ledger/wal_format.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "bundle/entry_bundle.h"

namespace beleg::ledger {
namespace {

constexpr std::string_view kSegmentMagic = "BELEGWAL";
constexpr uint32_t kVersion = 1;
constexpr std::string_view kGroupMagic = "BGRP";

void OverwriteLittle32(std::string& bytes, size_t at, uint32_t value) {
  std::string four;
  PutLittle32(four, value);
  bytes.replace(at, 4, four);
}

size_t Aligned(size_t size) { return (size + kGroupAlignment - 1) / kGroupAlignment * kGroupAlignment; }

// A group header: magic, checksum of the rest, number, first leaf, body's size and checksum, frames, zero.
struct GroupHeader {
  uint64_t number;
  uint64_t first_leaf;
  uint32_t body_bytes;
  uint32_t body_checksum;
  uint32_t frame_count;
};

std::string EncodeGroupHeader(const GroupHeader& header, uint32_t salt) {
  std::string bytes(kGroupMagic);
  PutLittle32(bytes, 0);
  PutLittle64(bytes, header.number);
  PutLittle64(bytes, header.first_leaf);
  PutLittle32(bytes, header.body_bytes);
  PutLittle32(bytes, header.body_checksum);
  PutLittle32(bytes, header.frame_count);
  PutLittle32(bytes, 0);
  OverwriteLittle32(bytes, 4, Crc32c(std::string_view(bytes).substr(8), salt));
  return bytes;
}

std::optional<GroupHeader> DecodeGroupHeader(std::string_view bytes, uint32_t salt) {
  if (bytes.size() < kGroupHeaderBytes || !bytes.starts_with(kGroupMagic)) return std::nullopt;
  const char* at = bytes.data();
  if (GetLittle32(at + 4) != Crc32c(bytes.substr(8, kGroupHeaderBytes - 8), salt)) return std::nullopt;
  return GroupHeader{GetLittle64(at + 8), GetLittle64(at + 16), GetLittle32(at + 24), GetLittle32(at + 28),
                     GetLittle32(at + 32)};
}

// Takes what it reads off the front of a frame's payload; sticks at "bad" when it ends too early.
class PayloadReader {
 public:
  explicit PayloadReader(std::string_view bytes) : rest_(bytes) {}
  std::string_view Take(size_t size) {
    if (size > rest_.size()) bad_ = true;
    std::string_view out = rest_.substr(0, bad_ ? 0 : size);
    rest_.remove_prefix(out.size());
    return out;
  }
  uint64_t Take64() {
    std::string_view bytes = Take(8);
    return bytes.size() == 8 ? GetLittle64(bytes.data()) : 0;
  }
  template <class AnyId>
  AnyId TakeId() {
    AnyId id;
    auto bytes = ToArray<sizeof(id.bytes)>(Take(sizeof(id.bytes)));
    return bytes ? AnyId{*bytes} : id;
  }
  std::string_view TakeRest() { return Take(rest_.size()); }
  bool IsWhole() const { return !bad_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool bad_ = false;
};

void ReadBegin(PayloadReader& in, BeginFrame& begin, uint64_t seq) {
  begin.id.seq = seq;
  begin.request_id = in.TakeId<RequestId>();
  begin.start_us = static_cast<int64_t>(in.Take64());
  begin.id.boot_index = in.Take64();
  begin.id.trace_id = in.TakeId<TraceId>();
  begin.id.parent_span_id = in.TakeId<SpanId>();
  begin.id.operation = static_cast<record::Operation>(in.Take64());
  begin.id.caller = in.TakeRest();
}

Result<Frame> ParseFrame(uint8_t type, std::string_view payload) {
  PayloadReader in(payload);
  Frame frame;
  frame.type = static_cast<FrameType>(type);
  switch (frame.type) {
    case FrameType::kBegin:
      frame.key = {in.TakeId<BootId>(), in.Take64()};
      ReadBegin(in, frame.begin, frame.key.seq);
      break;
    case FrameType::kEnd:
      frame.key = {in.TakeId<BootId>(), in.Take64()};
      frame.leaf = in.TakeRest();
      break;
    case FrameType::kLeaf: frame.leaf = in.TakeRest(); break;
    default: return Fail(ErrorCode::kUnimplemented, "frame of unknown type {}", type);
  }
  if (frame.begin.id.operation > record::Operation::kTextCompletion)
    return Fail(ErrorCode::kUnimplemented, "begin frame of an unknown operation");
  const bool leaf_fits = !frame.leaf.empty() && frame.leaf.size() <= bundle::kLeafBytesMax;
  if (!in.IsWhole() || leaf_fits == (frame.type == FrameType::kBegin))
    return Fail(ErrorCode::kDataLoss, "frame of type {} with {} bytes: wrong size", type, payload.size());
  return frame;
}

Result<Group> ParseBody(const GroupHeader& header, std::string_view body) {
  Group group{header.number, header.first_leaf, 0, {}};
  for (uint32_t i = 0; i < header.frame_count; ++i) {
    if (body.size() < kFrameHeaderBytes || body.size() - kFrameHeaderBytes < GetLittle32(body.data() + 1))
      return Fail(ErrorCode::kDataLoss, "frame {} is cut off", i);
    const size_t size = GetLittle32(body.data() + 1);
    TRY_ASSIGN(Frame frame, ParseFrame(static_cast<uint8_t>(body[0]), body.substr(kFrameHeaderBytes, size)));
    group.leaf_count += frame.type != FrameType::kBegin;
    group.frames.push_back(std::move(frame));
    body.remove_prefix(kFrameHeaderBytes + size);
  }
  if (!body.empty()) return Fail(ErrorCode::kDataLoss, "{} bytes after the last frame", body.size());
  return group;
}

// The group's body when it is all there and its checksum is right.
std::optional<std::string_view> WholeBody(std::string_view segment, size_t at, const GroupHeader& header,
                                          uint32_t salt) {
  std::string_view body = segment.substr(at + kGroupHeaderBytes);
  if (body.size() < header.body_bytes) return std::nullopt;
  body = body.substr(0, header.body_bytes);
  return Crc32c(body, salt) == header.body_checksum ? std::optional(body) : std::nullopt;
}

// Where, from at on, a group stands that was written after number `expected` was durable.
std::optional<size_t> FindLaterGroup(std::string_view segment, size_t at, uint32_t salt, uint64_t expected) {
  while ((at = segment.find(kGroupMagic, at)) != segment.npos) {
    auto header = DecodeGroupHeader(segment.substr(at), salt);
    if (header && header->number > expected) return at;
    ++at;
  }
  return std::nullopt;
}

}  // namespace

std::string EncodeSegmentHeader(const SegmentHeader& header) {
  std::string bytes(kSegmentMagic);
  PutLittle32(bytes, kVersion);
  PutLittle32(bytes, header.salt);
  PutLittle64(bytes, header.number);
  PutLittle32(bytes, 0);
  PutLittle32(bytes, Crc32c(bytes));
  return bytes;
}

Result<std::optional<SegmentHeader>> DecodeSegmentHeader(std::string_view bytes) {
  const bool is_whole = bytes.size() >= kSegmentHeaderBytes && bytes.starts_with(kSegmentMagic) &&
                        GetLittle32(bytes.data() + 28) == Crc32c(bytes.substr(0, 28));
  if (!is_whole) return std::nullopt;
  if (uint32_t version = GetLittle32(bytes.data() + 8); version != kVersion)
    return Fail(ErrorCode::kUnimplemented, "version {} of the write-ahead log, {} is known", version,
                kVersion);
  return SegmentHeader{GetLittle64(bytes.data() + 16), GetLittle32(bytes.data() + 12)};
}

void GroupBuilder::StartFrame(FrameType type, size_t payload_bytes) {
  bytes_.push_back(static_cast<char>(type));
  PutLittle32(bytes_, static_cast<uint32_t>(payload_bytes));
  ++frame_count_;
}

void GroupBuilder::AddBegin(const BootId& boot, const BeginFrame& begin) {
  CHECK(begin.id.caller.size() <= kCallerBytesMax, "a caller is a configured name of at most 1,024 bytes");
  std::string payload(boot.view());
  PutLittle64(payload, begin.id.seq);
  payload += begin.request_id.view();
  PutLittle64(payload, static_cast<uint64_t>(begin.start_us));
  PutLittle64(payload, begin.id.boot_index);
  payload += begin.id.trace_id.view();
  payload += begin.id.parent_span_id.view();
  PutLittle64(payload, static_cast<uint64_t>(begin.id.operation));
  payload += begin.id.caller;
  StartFrame(FrameType::kBegin, payload.size());
  bytes_ += payload;
}

void GroupBuilder::AddLeaf(std::string_view leaf) {
  StartFrame(FrameType::kLeaf, leaf.size());
  bytes_ += leaf;
  ++leaf_count_;
}

void GroupBuilder::AddEnd(const RequestKey& key, std::string_view leaf) {
  StartFrame(FrameType::kEnd, kRequestKeyBytes + leaf.size());
  bytes_ += key.boot.view();
  PutLittle64(bytes_, key.seq);
  bytes_ += leaf;
  ++leaf_count_;
}

size_t GroupBuilder::size_bytes() const { return Aligned(bytes_.size()); }

std::string GroupBuilder::Finish(uint32_t salt, uint64_t number, uint64_t first_leaf) {
  const std::string_view body = std::string_view(bytes_).substr(kGroupHeaderBytes);
  const GroupHeader header{number, first_leaf, static_cast<uint32_t>(body.size()), Crc32c(body, salt),
                           static_cast<uint32_t>(frame_count_)};
  bytes_.replace(0, kGroupHeaderBytes, EncodeGroupHeader(header, salt));
  bytes_.resize(Aligned(bytes_.size()), '\0');
  return std::move(bytes_);
}

Result<SegmentContent> ParseSegment(std::string_view segment, uint32_t salt,
                                    std::optional<uint64_t> expected) {
  SegmentContent content;
  size_t at = std::min(segment.size(), kSegmentHeaderBytes);
  while (at < segment.size()) {
    auto header = DecodeGroupHeader(segment.substr(at), salt);
    if (!header || (expected && header->number != *expected)) break;
    expected = header->number;
    auto body = WholeBody(segment, at, *header, salt);
    if (!body) break;
    auto group = ParseBody(*header, *body);
    if (!group) return Fail(std::move(group.error()), "group {} at byte {}", header->number, at);
    content.groups.push_back(std::move(*group));
    expected = header->number + 1;
    at += Aligned(kGroupHeaderBytes + header->body_bytes);
  }
  content.end = std::min(segment.size(), at);
  // Without an expected number any group behind a damaged first one counts as later.
  if (auto later = FindLaterGroup(segment, content.end, salt, expected.value_or(0)))
    return Fail(ErrorCode::kDataLoss,
                "group at byte {} is damaged, and the one at byte {} was written after it was on disk", at,
                *later);
  return content;
}

}  // namespace beleg::ledger
