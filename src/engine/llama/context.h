// Context is llama.cpp's state of all sequences (the KV cache) and the batch that is computed next: the only place that
// calls llama_decode. Engine's thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <llama-cpp.h>

#include "base/result.h"
#include "engine/engine.h"

namespace beleg::engine {

class Context {
 public:
  struct Options {
    int sequences_max;
    int64_t context_tokens;  // of one sequence
    int batch_tokens;        // of one step at most
    int threads;
    uint64_t memory_bytes_max = 0;  // for the cache; 0: what this machine has left
  };
  // kResourceExhausted: no memory for the cache. It is asked for before anything is taken: Linux gives more than there is, and
  // kills when it is used.
  static Result<std::unique_ptr<Context>> Create(llama_model* model, const Options& options);
  Context(llama_context_ptr context, const Options& options, bool keeps_parts);  // for Create
  // What the cache of a model with plain attention takes in memory; 0: not known for this kind, or not in this memory.
  static uint64_t CacheBytes(const llama_model* model, const Options& options);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // --- a step ---
  void Clear() { batch_.n_tokens = 0; }
  // Sequences must be added in ascending order, a sequence's tokens by position. Returns the token's row, for logits.
  int32_t Add(Token token, int64_t position, int sequence, bool wants_logits);
  int32_t batch_tokens() const { return batch_.n_tokens; }
  // Computes the batch. kResourceExhausted: no room in the cache · kInternal. After an error, Forget its sequences.
  Result<void> Compute();

  // --- the cache ---
  // Keeps the first tokens of a sequence. False: this kind of model cannot; the sequence is then empty.
  bool Keep(int sequence, int64_t tokens);
  void Forget(int sequence) { Keep(sequence, 0); }
  // Makes to hold what from holds. Costs a copy of one sequence's whole cache at the next Compute.
  void Copy(int from, int to);
  // Whether Keep works for a part of a sequence: not with recurrent models and sliding windows.
  bool keeps_parts() const { return keeps_parts_; }

  llama_context* get() { return context_.get(); }

 private:
  struct ThreadPool;

  std::unique_ptr<ThreadPool> threads_;  // outlives the context that uses it
  llama_context_ptr context_;
  llama_memory_t memory_;
  llama_batch batch_;
  const int32_t batch_max_;
  const bool keeps_parts_;
};

}  // namespace beleg::engine
