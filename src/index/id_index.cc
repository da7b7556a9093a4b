#include "index/id_index.h"

#include <algorithm>
#include <bit>

#include "base/bytes.h"
#include "base/check.h"

namespace beleg::index {
namespace {

// docs/formats/id_index.md
constexpr std::string_view kMagic = "BELEGIDX";
constexpr uint32_t kVersion = 1;
constexpr size_t kHeaderBytes = 24;  // magic, version, bucket bits, row bits, two zeros, count, checksum
constexpr size_t kChecksumBytes = 4;
constexpr int kBucketBitsMax = 26;
constexpr int kFingerprintBitsMin = 19;
constexpr uint64_t kBucketEntriesMax = 128;  // the mean; a bucket is then one small read

// The finalizer of splitmix64: every bit of the input reaches every bit of the output.
uint64_t Mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

uint64_t HashOf(std::string_view id) {
  CHECK(id.size() == 16, "an id has 16 bytes");
  return Mix(GetLittle64(id.data()) ^ Mix(GetLittle64(id.data() + 8) + 0x9e3779b97f4a7c15u));
}

int EntryBytes(int row_bits) { return std::max(5, (row_bits + kFingerprintBitsMin + 7) / 8); }

// The top bits of a hash choose the bucket, the next ones are the fingerprint, the row takes what is left of an entry.
uint64_t BucketOf(uint64_t hash, int bucket_bits) {
  return bucket_bits == 0 ? 0 : hash >> (64 - bucket_bits);
}

uint64_t FingerprintOf(uint64_t hash, int bucket_bits, int row_bits) {
  return (hash << bucket_bits) >> (64 - (8 * EntryBytes(row_bits) - row_bits));
}

int BucketBitsFor(size_t count) {
  int bits = 0;
  while (bits < kBucketBitsMax && (count >> bits) > kBucketEntriesMax) ++bits;
  return bits;
}

uint64_t GetEntry(const char* bytes, int entry_bytes) {
  uint64_t entry = 0;
  for (int i = entry_bytes - 1; i >= 0; --i) entry = entry << 8 | static_cast<uint8_t>(bytes[i]);
  return entry;
}

void PutEntry(std::string& out, uint64_t entry, int entry_bytes) {
  for (int i = 0; i < entry_bytes; ++i, entry >>= 8) out.push_back(static_cast<char>(entry & 0xff));
}

size_t TableBytes(int bucket_bits) { return (size_t{1} << bucket_bits) * 4 + kChecksumBytes; }

struct Header {
  int bucket_bits;
  int row_bits;
  uint32_t count;
};

std::string EncodeHeader(const Header& header) {
  std::string out(kMagic);
  PutLittle32(out, kVersion);
  out.push_back(static_cast<char>(header.bucket_bits));
  out.push_back(static_cast<char>(header.row_bits));
  out.append(2, '\0');
  PutLittle32(out, header.count);
  PutLittle32(out, Crc32c(out));
  return out;
}

Result<Header> DecodeHeader(const std::string& path, std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || !bytes.starts_with(kMagic))
    return Fail(ErrorCode::kDataLoss, "{}: no id index", path);
  if (uint32_t version = GetLittle32(bytes.data() + 8); version != kVersion)
    return Fail(ErrorCode::kUnimplemented, "{}: version {} of the id index, {} is known", path, version,
                kVersion);
  if (GetLittle32(bytes.data() + 20) != Crc32c(bytes.substr(0, 20)))
    return Fail(ErrorCode::kDataLoss, "{}: header at byte 0: bad checksum", path);
  Header header{bytes[12], bytes[13], GetLittle32(bytes.data() + 16)};
  if (header.bucket_bits < 0 || header.bucket_bits > kBucketBitsMax || header.row_bits < 0 ||
      header.row_bits > 32)
    return Fail(ErrorCode::kDataLoss, "{}: header at byte 12: impossible widths", path);
  return header;
}

Result<std::vector<uint32_t>> ReadTable(io::File& file, const Header& header) {
  TRY_ASSIGN(std::string bytes, file.ReadAt(kHeaderBytes, TableBytes(header.bucket_bits)));
  const size_t table_bytes = TableBytes(header.bucket_bits) - kChecksumBytes;
  if (bytes.size() != table_bytes + kChecksumBytes ||
      GetLittle32(bytes.data() + table_bytes) != Crc32c(std::string_view(bytes).substr(0, table_bytes)))
    return Fail(ErrorCode::kDataLoss, "{}: bucket table at byte {}: bad checksum", file.path(), kHeaderBytes);
  std::vector<uint32_t> buckets;
  buckets.reserve(table_bytes / 4 + 1);
  for (size_t at = 0; at < table_bytes; at += 4) buckets.push_back(GetLittle32(bytes.data() + at));
  buckets.push_back(header.count);
  if (buckets.front() != 0 || !std::ranges::is_sorted(buckets))
    return Fail(ErrorCode::kDataLoss, "{}: bucket table at byte {}: not ascending", file.path(),
                kHeaderBytes);
  return buckets;
}

}  // namespace

void IdIndexBuilder::Add(std::string_view id, uint32_t row) { entries_.emplace_back(HashOf(id), row); }

std::string IdIndexBuilder::Build() {
  CHECK(entries_.size() < UINT32_MAX, "an id index counts its entries in 32 bits");
  uint32_t row_max = 0;
  for (const auto& [hash, row] : entries_) row_max = std::max(row_max, row);
  const Header header{BucketBitsFor(entries_.size()), static_cast<int>(std::bit_width(row_max)),
                      static_cast<uint32_t>(entries_.size())};
  const int entry_bytes = EntryBytes(header.row_bits);
  std::ranges::sort(entries_);

  std::string table, body;
  size_t next = 0;
  for (uint64_t bucket = 0; bucket < uint64_t{1} << header.bucket_bits; ++bucket) {
    PutLittle32(table, static_cast<uint32_t>(next));
    std::string block;
    for (; next < entries_.size() && BucketOf(entries_[next].first, header.bucket_bits) == bucket; ++next) {
      const auto& [hash, row] = entries_[next];
      PutEntry(block, FingerprintOf(hash, header.bucket_bits, header.row_bits) << header.row_bits | row,
               entry_bytes);
    }
    PutLittle32(block, Crc32c(block));
    body += block;
  }
  PutLittle32(table, Crc32c(table));
  entries_.clear();
  return EncodeHeader(header) + table + body;
}

Result<std::unique_ptr<IdIndex>> IdIndex::Open(io::FileSystem& fs, const std::string& path) {
  TRY_ASSIGN(auto file, fs.Open(path, io::OpenMode::kRead));
  TRY_ASSIGN(std::string bytes, file->ReadAt(0, kHeaderBytes));
  TRY_ASSIGN(Header header, DecodeHeader(path, bytes));
  TRY_ASSIGN(uint64_t size, file->Size());
  const uint64_t want = kHeaderBytes + TableBytes(header.bucket_bits) +
                        uint64_t{header.count} * static_cast<uint64_t>(EntryBytes(header.row_bits)) +
                        (kChecksumBytes << header.bucket_bits);
  if (size != want) return Fail(ErrorCode::kDataLoss, "{}: {} bytes, its header says {}", path, size, want);
  TRY_ASSIGN(auto buckets, ReadTable(*file, header));
  return std::unique_ptr<IdIndex>(
      new IdIndex(std::move(file), header.bucket_bits, header.row_bits, std::move(buckets)));
}

Result<std::vector<uint32_t>> IdIndex::Find(std::string_view id) const {
  const uint64_t hash = HashOf(id);
  const uint64_t bucket = BucketOf(hash, bucket_bits_);
  const uint64_t fingerprint = FingerprintOf(hash, bucket_bits_, row_bits_);
  const int entry_bytes = EntryBytes(row_bits_);
  const size_t block_bytes = (buckets_[bucket + 1] - buckets_[bucket]) * static_cast<size_t>(entry_bytes);
  const uint64_t offset = kHeaderBytes + TableBytes(bucket_bits_) +
                          buckets_[bucket] * static_cast<uint64_t>(entry_bytes) + bucket * kChecksumBytes;
  TRY_ASSIGN(std::string bytes, file_->ReadAt(offset, block_bytes + kChecksumBytes));
  if (bytes.size() != block_bytes + kChecksumBytes ||
      GetLittle32(bytes.data() + block_bytes) != Crc32c(std::string_view(bytes).substr(0, block_bytes)))
    return Fail(ErrorCode::kDataLoss, "{}: bucket at byte {}: bad checksum", file_->path(), offset);
  std::vector<uint32_t> rows;
  for (size_t at = 0; at < block_bytes; at += static_cast<size_t>(entry_bytes)) {
    const uint64_t entry = GetEntry(bytes.data() + at, entry_bytes);
    if (entry >> row_bits_ == fingerprint)
      rows.push_back(static_cast<uint32_t>(entry & ((uint64_t{1} << row_bits_) - 1)));
  }
  std::ranges::sort(rows);
  return rows;
}

}  // namespace beleg::index
