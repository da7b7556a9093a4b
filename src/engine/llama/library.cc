#include "engine/llama/library.h"

#include <llama.h>

#include <filesystem>
#include <string_view>
#include <system_error>

#include <ggml-backend.h>

#include "base/log.h"
#include "base/mutex.h"

namespace beleg::engine {
namespace {

// llama.cpp has one log for the process, so its last error is one too.
struct LastError {
  Mutex mutex;
  std::string text GUARDED_BY(mutex);
};

LastError& TheLastError() {
  static LastError last;
  return last;
}

void OnLog(ggml_log_level level, const char* text, void*) {
  std::string_view line(text);
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.remove_suffix(1);
  if (line.size() < 2) return;  // the dots of a progress bar
  if (level == GGML_LOG_LEVEL_ERROR) {
    MutexLock lock(TheLastError().mutex);
    TheLastError().text = line;
  }
  if (level == GGML_LOG_LEVEL_WARN || level == GGML_LOG_LEVEL_ERROR) {
    LOG_WARN("engine.llama", F("text", line));
  } else {
    LOG_DEBUG("engine.llama", F("text", line));
  }
}

std::string DefaultDir() {
  std::error_code ignored;
#ifdef BELEG_LLAMA_LIB_DIR
  if (std::filesystem::is_directory(BELEG_LLAMA_LIB_DIR, ignored)) return BELEG_LLAMA_LIB_DIR;
#endif
  std::filesystem::path binary = std::filesystem::read_symlink("/proc/self/exe", ignored);
  return (binary.parent_path().parent_path() / "lib" / "beleg").string();
}

}  // namespace

Result<void> LoadBackends(const std::string& dir) {
  static Mutex mutex;
  MutexLock lock(mutex);
  if (ggml_backend_dev_count() > 0) return {};
  llama_log_set(OnLog, nullptr);
  std::string from = dir.empty() ? DefaultDir() : dir;
  ggml_backend_load_all_from_path(from.c_str());
  if (ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU) == nullptr) {
    return Fail(ErrorCode::kFailedPrecondition, "{}: no back end of ggml for this CPU (libggml-cpu-*.so)",
                from);
  }
  llama_backend_init();
  for (size_t i = 0; i < ggml_backend_dev_count(); ++i) {
    ggml_backend_dev_t device = ggml_backend_dev_get(i);
    LOG_INFO("engine.device", F("name", std::string_view(ggml_backend_dev_name(device))),
             F("is", std::string_view(ggml_backend_dev_description(device))));
  }
  return {};
}

std::string TakeLastError() {
  MutexLock lock(TheLastError().mutex);
  std::string text;
  text.swap(TheLastError().text);
  return text;
}

}  // namespace beleg::engine
