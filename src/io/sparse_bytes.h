// Bytes of a file of a simulated disk. Zeros behind the last that was written are only counted: a reserved file costs no memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace beleg::io {

class SparseBytes {
 public:
  SparseBytes() = default;
  explicit SparseBytes(std::string_view bytes) { Write(0, bytes); }

  uint64_t size() const { return size_; }
  // Like std::string::substr, but an offset behind the end gives "".
  std::string Read(uint64_t offset, uint64_t size) const;
  SparseBytes Part(uint64_t offset, uint64_t size) const;
  // What lies between the end and offset becomes zeros.
  void Write(uint64_t offset, std::string_view bytes);
  void Write(uint64_t offset, const SparseBytes& bytes);
  // Cut, or zeros added.
  void Resize(uint64_t size);

  bool operator==(const SparseBytes& other) const;

 private:
  std::string front_;
  uint64_t size_ = 0;  // of the front and the zeros that follow it
};

}  // namespace beleg::io
