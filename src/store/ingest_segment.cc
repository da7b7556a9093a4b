#include "store/ingest_segment.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"

namespace beleg::store {
namespace {

constexpr size_t kHeadBytes = 8;          // length, CRC
constexpr size_t kBodyHeadBytes = 1 + 8;  // kind, time
constexpr size_t kReadBytes = size_t{1} << 20;
constexpr std::string_view kSuffix = ".log";
constexpr size_t kDigits = 8;

// Reads forward through a file in large pieces.
class Reader {
 public:
  explicit Reader(io::File& file) : file_(file) {}

  // `size` bytes at the current place, fewer at the end of the file; good until the next call.
  Result<std::string_view> Peek(size_t size) {
    if (buffer_.size() - at_ < size) {
      TRY_ASSIGN(std::string more, file_.ReadAt(offset_, std::max(size, kReadBytes)));
      buffer_ = std::move(more);
      at_ = 0;
    }
    return std::string_view(buffer_).substr(at_, size);
  }
  void Skip(size_t size) {
    at_ += size;
    offset_ += size;
  }
  uint64_t offset() const { return offset_; }

 private:
  io::File& file_;
  std::string buffer_;
  size_t at_ = 0;
  uint64_t offset_ = 0;  // of buffer_[at_]
};

bool IsZeros(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

// True if the rest of the file is zeros; moves the reader.
Result<bool> RestIsZeros(Reader& reader) {
  for (;;) {
    TRY_ASSIGN(std::string_view bytes, reader.Peek(kReadBytes));
    if (!IsZeros(bytes)) return false;
    if (bytes.size() < kReadBytes) return true;
    reader.Skip(bytes.size());
  }
}

Frame DecodeBody(std::string_view body) {
  return {static_cast<FrameKind>(body[0]), static_cast<int64_t>(GetLittle64(body.data() + 1)),
          std::string(body.substr(kBodyHeadBytes))};
}

// Checks the head. `end` stays 0 when the file ends, or is zeros, before it.
Result<bool> ReadHead(Reader& reader, const std::string& path) {
  TRY_ASSIGN(std::string_view head, reader.Peek(kSegmentMagic.size()));
  if (head.size() < kSegmentMagic.size() || IsZeros(head)) return false;
  if (head != kSegmentMagic)
    return Fail(ErrorCode::kUnimplemented, "{}: not an ingest segment of version 1", path);
  reader.Skip(head.size());
  return true;
}

}  // namespace

std::string SegmentName(uint64_t number) { return fmt::format("{:08}{}", number, kSuffix); }

Result<uint64_t> SegmentNumber(std::string_view name) {
  if (name.size() != kDigits + kSuffix.size() || !name.ends_with(kSuffix)) {
    return Fail(ErrorCode::kInvalidArgument, "{}: no segment's name", name);
  }
  return ParseUint64(name.substr(0, kDigits));
}

std::string EncodeFrame(const Frame& frame) {
  std::string body;
  body.reserve(kBodyHeadBytes + frame.payload.size());
  body.push_back(static_cast<char>(frame.kind));
  PutLittle64(body, static_cast<uint64_t>(frame.received_us));
  body.append(frame.payload);
  CHECK(body.size() <= kFrameBytesMax, "frame beyond its limit");
  std::string out;
  out.reserve(kHeadBytes + body.size());
  PutLittle32(out, static_cast<uint32_t>(body.size()));
  PutLittle32(out, Crc32c(body));
  return out.append(body);
}

Result<SegmentScan> ScanSegment(io::File& file, const std::function<Result<void>(const Frame&)>& on_frame) {
  Reader reader(file);
  SegmentScan scan;
  TRY_ASSIGN(bool has_head, ReadHead(reader, file.path()));
  const auto torn = [&](std::string problem) {
    scan.whole = false;
    scan.problem = std::move(problem);
    return scan;
  };
  if (!has_head) {
    TRY_ASSIGN(bool zeros, RestIsZeros(reader));
    return zeros ? scan : torn("the head is not whole");
  }
  for (;;) {
    scan.end = reader.offset();
    TRY_ASSIGN(std::string_view head, reader.Peek(kHeadBytes));
    if (head.size() < kHeadBytes || IsZeros(head)) {
      TRY_ASSIGN(bool zeros, RestIsZeros(reader));
      return zeros ? scan : torn("not a whole frame head");
    }
    const size_t size = GetLittle32(head.data());
    const uint32_t crc = GetLittle32(head.data() + 4);
    if (size < kBodyHeadBytes || size > kFrameBytesMax) return torn(fmt::format("frame of {} bytes", size));
    TRY_ASSIGN(std::string_view bytes, reader.Peek(kHeadBytes + size));
    if (bytes.size() < kHeadBytes + size) return torn("the file ends within the frame");
    std::string_view body = bytes.substr(kHeadBytes);
    if (Crc32c(body) != crc) return torn("bad checksum");
    TRY(on_frame(DecodeBody(body)));
    reader.Skip(bytes.size());
  }
}

}  // namespace beleg::store
