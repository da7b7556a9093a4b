#include "io/sparse_bytes.h"

#include <algorithm>

namespace beleg::io {
namespace {

// By memcmp, which is quick where a loop over the bytes is not.
bool IsZero(std::string_view bytes) {
  return bytes.empty() || (bytes[0] == '\0' && bytes.substr(1) == bytes.substr(0, bytes.size() - 1));
}

}  // namespace

std::string SparseBytes::Read(uint64_t offset, uint64_t size) const {
  if (offset >= size_) return "";
  const uint64_t end = offset + std::min(size, size_ - offset);
  std::string out;
  out.reserve(end - offset);
  if (offset < front_.size()) out.append(front_, offset, end - offset);
  out.resize(end - offset, '\0');
  return out;
}

SparseBytes SparseBytes::Part(uint64_t offset, uint64_t size) const {
  SparseBytes part;
  if (offset >= size_) return part;
  if (offset < front_.size()) part.front_ = front_.substr(offset, size);
  part.size_ = std::min(size, size_ - offset);
  return part;
}

void SparseBytes::Write(uint64_t offset, std::string_view bytes) {
  const uint64_t end = offset + bytes.size();
  size_ = std::max(size_, end);
  if (offset >= front_.size() && IsZero(bytes)) return;
  if (front_.size() < end) front_.resize(end, '\0');
  front_.replace(offset, bytes.size(), bytes);
}

void SparseBytes::Write(uint64_t offset, const SparseBytes& bytes) {
  Write(offset, bytes.front_);
  const uint64_t zeros_from = offset + bytes.front_.size(), end = offset + bytes.size_;
  size_ = std::max(size_, end);
  if (zeros_from >= front_.size()) return;
  const uint64_t count = std::min<uint64_t>(end, front_.size()) - zeros_from;
  front_.replace(zeros_from, count, count, '\0');
}

void SparseBytes::Resize(uint64_t size) {
  if (front_.size() > size) front_.resize(size);
  size_ = size;
}

bool SparseBytes::operator==(const SparseBytes& other) const {
  const std::string& shorter = front_.size() < other.front_.size() ? front_ : other.front_;
  const std::string& longer = front_.size() < other.front_.size() ? other.front_ : front_;
  return size_ == other.size_ && longer.starts_with(shorter) &&
         IsZero(std::string_view(longer).substr(shorter.size()));
}

}  // namespace beleg::io
