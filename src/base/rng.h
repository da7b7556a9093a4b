// The only door to chance.
#pragma once

#include <cstddef>
#include <cstdint>

namespace beleg {

class Rng {
 public:
  virtual ~Rng() = default;
  // Fills size bytes. Safe from any thread.
  virtual void Fill(void* bytes, size_t size) = 0;

  template <class Array>
  Array Draw() {
    Array out;
    Fill(out.data(), out.size());
    return out;
  }
};

// getrandom(2): for keys, secrets and ids.
class SystemRng final : public Rng {
 public:
  void Fill(void* bytes, size_t size) override;
};

// A repeatable stream for tests (splitmix64). Not safe from two threads.
class SeededRng final : public Rng {
 public:
  explicit SeededRng(uint64_t seed) : state_(seed) {}
  void Fill(void* bytes, size_t size) override;
  uint64_t Next();

 private:
  uint64_t state_;
};

}  // namespace beleg
