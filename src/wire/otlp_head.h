// Heads of nested messages whose size is known, so that their bytes are copied once. For *.cc in this folder alone.
#pragma once

#include <cstdint>
#include <string>

#include <protozero/buffer_string.hpp>
#include <protozero/types.hpp>
#include <protozero/varint.hpp>

namespace beleg::wire::otlp {

// Of a nested message with its head, for tags below 16.
inline size_t FieldBytes(size_t message_bytes) {
  return 1 + static_cast<size_t>(protozero::length_of_varint(message_bytes)) + message_bytes;
}

inline void AppendHead(std::string& out, uint32_t tag, size_t message_bytes) {
  out.push_back(
      static_cast<char>(tag << 3 | static_cast<uint32_t>(protozero::pbf_wire_type::length_delimited)));
  protozero::add_varint_to_buffer(&out, message_bytes);
}

}  // namespace beleg::wire::otlp
