#include "engine/llama/context.h"

#include <algorithm>
#include <exception>
#include <fstream>
#include <optional>
#include <utility>

#include <ggml-backend.h>
#include <ggml-cpu.h>

#include "base/bytes.h"
#include "base/check.h"
#include "engine/llama/library.h"

namespace beleg::engine {
namespace {

constexpr uint32_t kPhysicalBatch = 512;  // tokens of one graph

llama_context_params ParamsOf(const Context::Options& options) {
  llama_context_params params = llama_context_default_params();
  auto sequences = static_cast<uint32_t>(options.sequences_max);
  params.n_ctx = static_cast<uint32_t>(options.context_tokens) * sequences;
  params.n_batch = static_cast<uint32_t>(options.batch_tokens);
  params.n_ubatch = std::max(std::min(params.n_batch, kPhysicalBatch), sequences);
  params.n_seq_max = sequences;
  params.n_outputs_max = sequences;  // at most one token of each sequence is sampled in a step
  params.n_threads = options.threads;
  params.n_threads_batch = options.threads;
  params.kv_unified = false;  // unified, each row attends over all sequences' cells: a third slower on a CPU
  params.no_perf = true;
  return params;
}

// Memory that can be had without swapping anything out; nullopt: the kernel does not say.
std::optional<uint64_t> AvailableBytes() {
  std::ifstream meminfo("/proc/meminfo");
  for (std::string line; std::getline(meminfo, line);) {
    constexpr std::string_view kName = "MemAvailable:";
    if (!line.starts_with(kName)) continue;
    size_t digits = line.find_first_not_of(' ', kName.size());
    auto kilobytes = ParseUint64(std::string_view(line).substr(digits, line.find(' ', digits) - digits));
    if (kilobytes) return *kilobytes << 10;
  }
  return std::nullopt;
}

Result<void> CheckMemory(const llama_model* model, const Context::Options& options) {
  uint64_t wanted = Context::CacheBytes(model, options);
  uint64_t there = options.memory_bytes_max;
  if (there == 0) there = AvailableBytes().value_or(UINT64_MAX);
  if (wanted <= there) return {};
  return Fail(ErrorCode::kResourceExhausted,
              "{} sequences of {} tokens want {} MB of memory, and {} MB are left", options.sequences_max,
              options.context_tokens, wanted >> 20, there >> 20);
}

}  // namespace

uint64_t Context::CacheBytes(const llama_model* model, const Options& options) {
  bool elsewhere = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_GPU) != nullptr;
  bool grows_less =
      llama_model_is_recurrent(model) || llama_model_is_hybrid(model) || llama_model_n_swa(model) != 0;
  int heads = llama_model_n_head(model);
  if (elsewhere || grows_less || heads < 1) return 0;
  constexpr uint64_t kKeyAndValue = 2, kBytesOfF16 = 2;
  auto width = static_cast<uint64_t>(llama_model_n_embd(model) / heads * llama_model_n_head_kv(model));
  uint64_t of_token = static_cast<uint64_t>(llama_model_n_layer(model)) * width * kKeyAndValue * kBytesOfF16;
  return of_token * static_cast<uint64_t>(options.context_tokens) *
         static_cast<uint64_t>(options.sequences_max);
}

// Compute threads that live as long as the context; without, ggml starts new ones for every graph. Their functions are in
// the back end, which is loaded at run time.
struct Context::ThreadPool {
  explicit ThreadPool(int count) {
    ggml_backend_dev_t device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    if (device == nullptr || count < 2) return;
    ggml_backend_reg_t reg = ggml_backend_dev_backend_reg(device);
    auto find = [&](const char* name) { return ggml_backend_reg_get_proc_address(reg, name); };
    auto make = reinterpret_cast<decltype(&ggml_threadpool_new)>(find("ggml_threadpool_new"));
    free = reinterpret_cast<decltype(&ggml_threadpool_free)>(find("ggml_threadpool_free"));
    if (make == nullptr || free == nullptr) return;
    ggml_threadpool_params params = ggml_threadpool_params_default(count);
    params.poll = 1;  // spin about a millisecond for the next graph, then sleep
    pool = make(&params);
  }
  ~ThreadPool() {
    if (pool != nullptr) free(pool);
  }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  ggml_threadpool_t pool = nullptr;
  decltype(&ggml_threadpool_free) free = nullptr;
};

Result<std::unique_ptr<Context>> Context::Create(llama_model* model, const Options& options) {
  TRY(CheckMemory(model, options));
  try {
    llama_context_ptr context(llama_init_from_model(model, ParamsOf(options)));
    if (!context) {
      return Fail(ErrorCode::kResourceExhausted, "no memory for {} sequences of {} tokens: {}",
                  options.sequences_max, options.context_tokens, TakeLastError());
    }
    bool keeps_parts =
        !llama_model_is_recurrent(model) && !llama_model_is_hybrid(model) && llama_model_n_swa(model) == 0;
    return std::make_unique<Context>(std::move(context), options, keeps_parts);
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kResourceExhausted, "no memory for {} sequences of {} tokens: {}",
                options.sequences_max, options.context_tokens, error.what());
  }
}

Context::Context(llama_context_ptr context, const Options& options, bool keeps_parts)
    : threads_(std::make_unique<ThreadPool>(options.threads)),
      context_(std::move(context)),
      memory_(llama_get_memory(context_.get())),
      batch_(llama_batch_init(options.batch_tokens, 0, 1)),
      batch_max_(options.batch_tokens),
      keeps_parts_(keeps_parts) {
  if (threads_->pool != nullptr) llama_attach_threadpool(context_.get(), threads_->pool, threads_->pool);
}

Context::~Context() { llama_batch_free(batch_); }

int32_t Context::Add(Token token, int64_t position, int sequence, bool wants_logits) {
  CHECK(batch_.n_tokens < batch_max_, "a step has a limit");
  int32_t row = batch_.n_tokens++;
  batch_.token[row] = token;
  batch_.pos[row] = static_cast<llama_pos>(position);
  batch_.n_seq_id[row] = 1;
  batch_.seq_id[row][0] = sequence;
  batch_.logits[row] = wants_logits ? 1 : 0;
  return row;
}

Result<void> Context::Compute() {
  try {
    int32_t code = llama_decode(context_.get(), batch_);
    if (code == 0) return {};
    if (code == 1) return Fail(ErrorCode::kResourceExhausted, "llama.cpp found no room in the KV cache");
    return Fail(ErrorCode::kInternal, "llama.cpp could not compute a step (code {}): {}", code,
                TakeLastError());
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kInternal, "llama.cpp could not compute a step: {}", error.what());
  }
}

bool Context::Keep(int sequence, int64_t tokens) {
  if (llama_memory_seq_rm(memory_, sequence, static_cast<llama_pos>(tokens), -1)) return true;
  llama_memory_seq_rm(memory_, sequence, -1, -1);
  return false;
}

// llama.cpp copies whole sequences between streams, not parts.
void Context::Copy(int from, int to) { llama_memory_seq_cp(memory_, from, to, -1, -1); }

}  // namespace beleg::engine
