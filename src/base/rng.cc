#include "base/rng.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace beleg {

void SystemRng::Fill(void* bytes, size_t size) {
  char* next = static_cast<char*>(bytes);
  while (size > 0) {
    ssize_t got = ::getrandom(next, size, 0);
    if (got < 0 && errno == EINTR) continue;
    CHECK(got > 0, "getrandom failed: no safe way on without random bytes");
    next += got;
    size -= static_cast<size_t>(got);
  }
}

void SeededRng::Fill(void* bytes, size_t size) {
  char* next = static_cast<char*>(bytes);
  while (size > 0) {
    uint64_t word = Next();
    size_t count = std::min(size, sizeof(word));
    std::memcpy(next, &word, count);
    next += count;
    size -= count;
  }
}

uint64_t SeededRng::Next() {
  uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace beleg
